"""A trading account's row: its gross limit, and the amount its open trades have frozen."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from eventshop.testing.given_when_then import given_events
from projections.trading_account import trading_account
from tests.unit.trading.domain.examples import ACCOUNT, TRADE
from trading.domain.events import AccountOpened, AmountFrozen, AmountReleased, FreezeRefused, LimitSet

OWNER = UUID("00000000-0000-4000-8000-0000000000ad")
SAP = "XETRA/SAP"
opened = AccountOpened(ACCOUNT, "Desk 1", OWNER, "EUR", Decimal(1_000))


def test_an_account_shows_its_owner_and_what_is_frozen() -> None:
    frozen = AmountFrozen(ACCOUNT, TRADE, SAP, Decimal("200.50"))
    other = AmountFrozen(ACCOUNT, UUID(int=2), SAP, Decimal(100))
    given_events(opened, frozen, other).project(trading_account).row(ACCOUNT).has(
        owner_id=OWNER, gross_limit=Decimal(1_000), frozen=Decimal("300.50"), frozen_trades=2
    )
    back = AmountReleased(ACCOUNT, TRADE, SAP, Decimal("200.50"))
    given_events(opened, frozen, other, back).project(trading_account).row(ACCOUNT).has(
        frozen=Decimal(100), frozen_trades=1
    )


def test_only_a_limit_over_all_changes_the_gross_limit() -> None:
    over_all, of_one = LimitSet(ACCOUNT, None, Decimal(500)), LimitSet(ACCOUNT, SAP, Decimal(50))
    given_events(opened, over_all, of_one).project(trading_account).row(ACCOUNT).has(gross_limit=Decimal(500))


def test_refusals_are_counted() -> None:
    refused = FreezeRefused(ACCOUNT, TRADE, SAP, Decimal(9_000), "gross", Decimal(1_000))
    given_events(opened, refused).project(trading_account).row(ACCOUNT).has(refusals=1, frozen=Decimal(0))
