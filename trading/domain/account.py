"""The TradingAccount aggregate: limits, and the amounts that open trades have frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Self, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.decimal_math import ZERO, add, subtract
from trading.domain.commands import (
    AccountCommand,
    ChangeFrozenAmount,
    FreezeAmount,
    OpenAccount,
    ReleaseAmount,
    SetCostMethod,
    SetLimit,
)
from trading.domain.cost_basis import CostMethod
from trading.domain.errors import AccountAlreadyOpen, AccountNotOpen, AlreadyFrozen, LimitExceeded, WrongCurrency
from trading.domain.events import (
    AccountEvent,
    AccountOpened,
    AmountFrozen,
    AmountReleased,
    CostMethodSet,
    FreezeRefused,
    LimitSet,
)

GROSS = "gross"


class FrozenLimit(Struct, frozen=True):
    """The part of the limits that one open trade uses."""

    instrument: str
    amount: Decimal


class TradingAccount(Aggregate[AccountCommand, AccountEvent], frozen=True):
    """One trading account. Optimistic concurrency in the store prevents two trades from using the same part of a limit.

    An instrument without its own limit is bound by the gross limit only. Lowering a limit releases no frozen amount.
    """

    snapshot_version = 4

    opened: AccountOpened | None = None
    gross_limit: Decimal = ZERO
    limits: Mapping[str, Decimal] = {}  # by instrument
    frozen: Mapping[UUID, FrozenLimit] = {}  # by trade
    cost_method: CostMethod = CostMethod.AVERAGE

    @staticmethod
    def id_of(command: AccountCommand) -> UUID:
        return command.account_id

    def decide(self, command: AccountCommand) -> list[AccountEvent]:
        if isinstance(command, OpenAccount):
            return self._open(command)
        if self.opened is None:
            raise AccountNotOpen(account=command.account_id)
        match command:
            case SetLimit() if self._limit_for(command.instrument) == command.limit:
                return []
            case SetLimit():
                return [LimitSet(command.account_id, command.instrument, command.limit)]
            case SetCostMethod() if self.cost_method is command.cost_method:
                return []
            case SetCostMethod():
                return [CostMethodSet(command.account_id, command.cost_method)]
            case FreezeAmount() if command.currency != self.opened.currency:
                raise WrongCurrency(account=self.opened.currency, trade=command.currency)
            case FreezeAmount():
                return self._freeze(command)
            case ChangeFrozenAmount():
                return self._change_frozen(command)
            case ReleaseAmount() if command.trade_id in self.frozen:
                frozen = self.frozen[command.trade_id]
                return [AmountReleased(command.account_id, command.trade_id, frozen.instrument, frozen.amount)]
            case ReleaseAmount():
                return []
            case _:
                assert_never(command)

    def evolve(self, event: AccountEvent) -> Self:
        match event:
            case AccountOpened():
                return replace(self, opened=event, gross_limit=event.gross_limit)
            case LimitSet(instrument=code, limit=limit):
                return replace(self, gross_limit=limit) if code is None else self._with_limit(code, limit)
            case CostMethodSet(cost_method=cost_method):
                return replace(self, cost_method=cost_method)
            case AmountFrozen():
                return replace(
                    self, frozen={**self.frozen, event.trade_id: FrozenLimit(event.instrument, event.amount)}
                )
            case AmountReleased():
                remaining = {trade: frozen for trade, frozen in self.frozen.items() if trade != event.trade_id}
                return replace(self, frozen=remaining)
            case FreezeRefused():
                return self
            case _:
                assert_never(event)

    def amount_in_use(self, instrument: str | None = None) -> Decimal:
        """The frozen amount of one instrument, or of all instruments."""
        used = ZERO
        for frozen in self.frozen.values():
            if instrument in (None, frozen.instrument):
                used = add(used, frozen.amount)
        return used

    def _open(self, command: OpenAccount) -> list[AccountEvent]:
        opened = AccountOpened(
            command.account_id, command.reference, command.owner_id, command.currency, command.gross_limit
        )
        if self.opened is None:
            return [opened]
        if self.opened == opened:
            return []
        raise AccountAlreadyOpen(account=command.account_id)

    def _with_limit(self, code: str, limit: Decimal) -> Self:
        return replace(self, limits={**self.limits, code: limit})

    def _limit_for(self, instrument: str | None) -> Decimal | None:
        return self.gross_limit if instrument is None else self.limits.get(instrument)

    def _freeze(self, command: FreezeAmount) -> list[AccountEvent]:
        if frozen := self.frozen.get(command.trade_id):
            if frozen == FrozenLimit(command.instrument, command.amount):
                return []
            raise AlreadyFrozen(trade=command.trade_id, frozen=frozen.amount, requested=command.amount)
        for limit, available in self._available_limits(command.instrument):
            if command.amount > available:
                return [
                    FreezeRefused(
                        command.account_id,
                        command.trade_id,
                        command.instrument,
                        command.amount,
                        limit,
                        max(available, ZERO),
                    )
                ]
        return [AmountFrozen(command.account_id, command.trade_id, command.instrument, command.amount)]

    def _change_frozen(self, command: ChangeFrozenAmount) -> list[AccountEvent]:
        """Replace what a trade has frozen; a smaller amount fits whatever the limits are now."""
        former = self.frozen.get(command.trade_id)
        if former is None or former.amount == command.amount:
            return []
        more = subtract(command.amount, former.amount)
        if more < 0 and not command.may_release:
            return []
        for limit, available in self._available_limits(former.instrument):
            if more > max(available, ZERO):
                raise LimitExceeded(limit=limit, requested=more, available=max(available, ZERO))
        account, trade = command.account_id, command.trade_id
        return [
            AmountReleased(account, trade, former.instrument, former.amount),
            AmountFrozen(account, trade, former.instrument, command.amount),
        ]

    def _available_limits(self, instrument: str) -> Iterator[tuple[str, Decimal]]:
        """The available amount of each limit that binds an instrument."""
        if (own := self.limits.get(instrument)) is not None:
            yield instrument, subtract(own, self.amount_in_use(instrument))
        yield GROSS, subtract(self.gross_limit, self.amount_in_use())
