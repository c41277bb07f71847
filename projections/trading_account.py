"""Each trading account: its owner, its gross limit, and the amount its open trades have frozen."""

from __future__ import annotations

from eventshop.core.decimal_math import add, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from projections.models import TradingAccount
from trading.domain.events import (
    AccountEvent,
    AccountOpened,
    AmountFrozen,
    AmountReleased,
    CostMethodSet,
    FreezeRefused,
    LimitSet,
)

trading_account = Projection(TradingAccount, topic="trading-account-projection", version=2, shared_rows=False)


def _account_key(event: AccountEvent) -> object:
    return event.account_id


@trading_account.on(AccountOpened, key=_account_key)
def opened(row: TradingAccount, event: AccountOpened, meta: Meta) -> None:
    row.reference, row.owner_id, row.currency = event.reference, event.owner_id, event.currency
    row.gross_limit, row.opened_at, row.updated_at = event.gross_limit, meta.occurred_at, meta.occurred_at


@trading_account.on(LimitSet, key=_account_key)
def limited(row: TradingAccount, event: LimitSet, meta: Meta) -> None:
    row.updated_at = meta.occurred_at
    if event.instrument is None:
        row.gross_limit = event.limit


@trading_account.on(CostMethodSet, key=_account_key)
def cost_method_set(row: TradingAccount, event: CostMethodSet, meta: Meta) -> None:
    row.cost_method, row.updated_at = str(event.cost_method), meta.occurred_at


@trading_account.on(AmountFrozen, key=_account_key)
def frozen(row: TradingAccount, event: AmountFrozen, meta: Meta) -> None:
    row.frozen, row.frozen_trades = add(row.frozen, event.amount), row.frozen_trades + 1
    row.updated_at = meta.occurred_at


@trading_account.on(AmountReleased, key=_account_key)
def released(row: TradingAccount, event: AmountReleased, meta: Meta) -> None:
    row.frozen, row.frozen_trades = subtract(row.frozen, event.amount), row.frozen_trades - 1
    row.updated_at = meta.occurred_at


@trading_account.on(FreezeRefused, key=_account_key)
def refused(row: TradingAccount, event: FreezeRefused, meta: Meta) -> None:
    row.refusals, row.updated_at = row.refusals + 1, meta.occurred_at
