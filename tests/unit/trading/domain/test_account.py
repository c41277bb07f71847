"""The TradingAccount aggregate: limits, freezing and release."""

from __future__ import annotations

from decimal import Decimal
from typing import cast
from uuid import UUID

from eventshop.testing.given_when_then import given
from tests.unit.trading.domain.examples import ACCOUNT, TRADE
from trading.domain.account import TradingAccount
from trading.domain.commands import (
    ChangeFrozenAmount,
    FreezeAmount,
    OpenAccount,
    ReleaseAmount,
    SetCostMethod,
    SetLimit,
)
from trading.domain.cost_basis import CostMethod
from trading.domain.errors import AccountAlreadyOpen, AccountNotOpen, AlreadyFrozen, LimitExceeded, WrongCurrency
from trading.domain.events import AccountOpened, AmountFrozen, AmountReleased, CostMethodSet, FreezeRefused, LimitSet

SAP, IBM = "XETRA/SAP", "XETRA/IBM"
OTHER = UUID("00000000-0000-4000-8000-000000000072")

opened = AccountOpened(ACCOUNT, "Desk 1", None, "EUR", Decimal(1000))
sap_600 = LimitSet(ACCOUNT, SAP, Decimal(600))


def freeze(amount: str, *, trade: UUID = TRADE, code: str = SAP, currency: str = "EUR") -> FreezeAmount:
    return FreezeAmount(ACCOUNT, trade, code, currency, Decimal(amount))


def frozen(amount: str, *, trade: UUID = TRADE, code: str = SAP) -> AmountFrozen:
    return AmountFrozen(ACCOUNT, trade, code, Decimal(amount))


def test_an_account_is_opened_once() -> None:
    command = OpenAccount(ACCOUNT, "Desk 1", None, "EUR", Decimal(1000))
    given(TradingAccount).when(command).then(opened)
    given(TradingAccount, opened).when(command).then_nothing()
    other = OpenAccount(ACCOUNT, "Desk 2", None, "EUR", Decimal(1000))
    given(TradingAccount, opened).when(other).then_refused(AccountAlreadyOpen)


def test_nobody_trades_without_an_account() -> None:
    given(TradingAccount).when(freeze("1")).then_refused(AccountNotOpen)
    given(TradingAccount).when(SetLimit(ACCOUNT, SAP, Decimal(1))).then_refused(AccountNotOpen)


def test_limits_bind_per_instrument_and_over_all() -> None:
    account = given(TradingAccount, opened, sap_600, frozen("500", code=IBM, trade=OTHER))
    account.when(freeze("500")).then(frozen("500"))
    account.when(freeze("501")).then(FreezeRefused(ACCOUNT, TRADE, SAP, Decimal(501), "gross", Decimal(500)))
    account = given(TradingAccount, opened, sap_600)
    account.when(freeze("600")).then(frozen("600"))
    account.when(freeze("600.01")).then(FreezeRefused(ACCOUNT, TRADE, SAP, Decimal("600.01"), SAP, Decimal(600)))


def test_what_is_released_can_be_used_again() -> None:
    full = (opened, sap_600, frozen("600"))
    given(TradingAccount, *full).when(freeze("1", trade=OTHER)).then(
        FreezeRefused(ACCOUNT, OTHER, SAP, Decimal(1), SAP, Decimal(0))
    )
    released = AmountReleased(ACCOUNT, TRADE, SAP, Decimal(600))
    given(TradingAccount, *full).when(ReleaseAmount(ACCOUNT, TRADE)).then(released)
    given(TradingAccount, *full, released).when(ReleaseAmount(ACCOUNT, TRADE)).then_nothing()
    given(TradingAccount, *full, released).when(freeze("600", trade=OTHER)).then(frozen("600", trade=OTHER))


def test_a_trade_freezes_once() -> None:
    account = given(TradingAccount, opened, frozen("10"))
    account.when(freeze("10")).then_nothing()
    account.when(freeze("11")).then_refused(AlreadyFrozen, "10", "11")


def test_a_lowered_limit_takes_nothing_back() -> None:
    lowered = LimitSet(ACCOUNT, None, Decimal(5))
    given(TradingAccount, opened, frozen("10")).when(SetLimit(ACCOUNT, None, Decimal(5))).then(lowered)
    account = given(TradingAccount, opened, frozen("10"), lowered)
    account.when(SetLimit(ACCOUNT, None, Decimal(5))).then_nothing()
    account.when(freeze("1", trade=OTHER)).then(FreezeRefused(ACCOUNT, OTHER, SAP, Decimal(1), "gross", Decimal(0)))
    assert cast(TradingAccount, account.state).amount_in_use() == 10


def test_limits_are_in_one_currency() -> None:
    given(TradingAccount, opened).when(freeze("1", currency="USDT")).then_refused(WrongCurrency, "EUR", "USDT")


def test_an_account_chooses_its_method_of_cost() -> None:
    given(TradingAccount, opened).when(SetCostMethod(ACCOUNT, CostMethod.AVERAGE)).then_nothing()
    fifo = CostMethodSet(ACCOUNT, CostMethod.FIFO)
    given(TradingAccount, opened).when(SetCostMethod(ACCOUNT, CostMethod.FIFO)).then(fifo)
    given(TradingAccount, opened, fifo).when(SetCostMethod(ACCOUNT, CostMethod.FIFO)).then_nothing()


def test_an_amended_trade_freezes_another_amount_within_the_limits() -> None:
    account = given(TradingAccount, opened, sap_600, frozen("500"))
    released = AmountReleased(ACCOUNT, TRADE, SAP, Decimal(500))
    for amount in ("600", "400"):
        account.when(ChangeFrozenAmount(ACCOUNT, TRADE, Decimal(amount))).then(released, frozen(amount))
    account.when(ChangeFrozenAmount(ACCOUNT, TRADE, Decimal("600.01"))).then_refused(LimitExceeded)
    account.when(ChangeFrozenAmount(ACCOUNT, TRADE, Decimal(500))).then_nothing()
    account.when(ChangeFrozenAmount(ACCOUNT, OTHER, Decimal(1))).then_nothing()
    lowered = given(TradingAccount, opened, frozen("500"), LimitSet(ACCOUNT, None, Decimal(100)))
    lowered.when(ChangeFrozenAmount(ACCOUNT, TRADE, Decimal(400))).then(released, frozen("400"))
