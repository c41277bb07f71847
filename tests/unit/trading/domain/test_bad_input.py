"""Commands with invalid values are refused before any decision; the error names the field."""

from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import trading
from eventshop.core.errors import InvalidMessage
from eventshop.core.message_registry import declared_messages
from eventshop.core.messages import Command, Event
from eventshop.core.serialization import decode_command, encode_canonical
from tests.unit.trading.domain import examples
from trading.application.instruments import find_listing
from trading.domain.account import TradingAccount
from trading.domain.commands import ExecuteTrade, OpenAccount, SubmitTrade
from trading.domain.cost_basis import CostMethod
from trading.domain.errors import NegativePrice, UnknownInstrument, WrongLot, WrongTick
from trading.domain.events import Instrument, ReviewRule
from trading.domain.trade import Trade

SUBMITTED: dict[str, Any] = msgspec.to_builtins(examples.submit)
FILL: dict[str, Any] = msgspec.to_builtins(examples.FOUR)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"quantity": "0"}, InvalidMessage, "quantity must be above 0"),
        ({"quantity": "-1"}, InvalidMessage, "quantity must be above 0"),
        ({"quantity": "NaN"}, InvalidMessage, "quantity must be above 0"),
        ({"quantity": "1E+10"}, InvalidMessage, "10,000,000,000"),
        ({"quantity": "0.000000001"}, InvalidMessage, r"\b8\b"),
        ({"quantity": 10.0}, InvalidMessage, r'"10\.0", not as a JSON number.*\$\.quantity'),
        ({"quantity": "10.5"}, WrongLot, "XETRA/SAP.*10.5.*lot 1"),
        ({"limit_price": "199.99"}, WrongTick, "199.99.*tick 0.02"),
        ({"limit_price": "0"}, NegativePrice, "XETRA/SAP"),
        ({"limit_price": "-200"}, NegativePrice, "price -200"),
        ({"time_in_force": "DAY"}, InvalidMessage, "until which it is good"),
        ({"good_until": "2026-01-30T16:30:00Z"}, InvalidMessage, "another one has none"),
        ({"taken_in": {"ordered": "9", "placed_at": "2026-01-30T12:00:00Z"}}, InvalidMessage, "10 of an order of 9"),
        ({"limit_price": 200.0}, InvalidMessage, r'"200\.0", not as a JSON number.*\$\.limit_price'),
        ({"limit_price": None}, InvalidMessage, "a limit order needs a limit price"),
        ({"type": "MARKET"}, InvalidMessage, "a market order has none"),
        ({"type": "STOP"}, InvalidMessage, r"\$\.type"),
        ({"side": "HOLD"}, InvalidMessage, r"\$\.side"),
        ({"reference": ""}, InvalidMessage, r"\$\.reference"),
        ({"price": "1"}, InvalidMessage, "unknown field `price`"),
    ],
)
def test_a_trade_that_makes_no_sense(change: dict[str, Any], error: type[InvalidMessage], words: str) -> None:
    with pytest.raises(error, match=words):
        decode_command(SubmitTrade, SUBMITTED | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"price": "NaN"}, "price must be above 0"),
        ({"price": 199.98}, r'"199\.98", not as a JSON number.*price'),
        ({"quantity": "Infinity"}, "quantity must be above 0"),
        ({"venue_trade_id": ""}, "venue_trade_id"),
        ({"at": "2026-01-30T12:00:00"}, "at"),
        ({"at": "9999-12-31T23:59:59-10:00"}, "at must be a time from 1900 to 3000"),
        ({"at": "0001-01-01T00:00:00+10:00"}, "at must be a time from 1900 to 3000"),
    ],
)
def test_a_fill_that_makes_no_sense(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        decode_command(ExecuteTrade, {"trade_id": str(examples.TRADE), "fills": [FILL | change]})


def test_an_execution_names_each_fill_once_and_at_least_one() -> None:
    for fills in ((), (examples.FOUR, examples.FOUR)):
        with pytest.raises(InvalidMessage):
            ExecuteTrade(examples.TRADE, fills)


def test_an_instrument_nobody_trades_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownInstrument, match=r"'XETRA/ABC'.*XETRA/SAP"):
        find_listing("XETRA/ABC", examples.LISTINGS)


def test_a_command_built_with_a_float_is_refused() -> None:
    with pytest.raises(InvalidMessage, match=r"not 1000\.0"):
        OpenAccount(examples.ACCOUNT, "Desk", None, "EUR", 1000.0)  # type: ignore[arg-type]


MESSAGES = [
    message for aggregate in (Trade, TradingAccount) for part in declared_messages(aggregate) for message in part
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_no_decimal_of_any_message_can_be_a_float(message: type[Command | Event]) -> None:
    """Each decimal, wherever it stands in the message, refuses the float that looks like it."""
    encode_canonical(_example(message))  # with decimals it is a message
    for name, build in _with_floats(message):
        with pytest.raises((InvalidMessage, TypeError)):
            encode_canonical(build())
            raise AssertionError(f"{message.__name__}.{name} took a float")


def _with_floats(message: type[Command | Event]) -> Any:
    for field in msgspec.structs.fields(message):
        if field.type in (Decimal, Decimal | None):
            yield field.name, lambda name=field.name: _example(message, **{name: 10.0})


def _example(message: type[Any], **given: Any) -> Any:
    fields = msgspec.structs.fields(message)
    codes = {
        field.name: examples.SAP.code for field in fields if field.name == "instrument" and field.type is not Instrument
    }
    values = _EXAMPLES | codes | given
    return message(**{field.name: values[field.name] for field in fields})


_EXAMPLES: dict[str, Any] = {
    **{name: getattr(examples.submit, name) for name in examples.submit.__struct_fields__},
    **{
        name: Decimal(10)
        for name in ("open", "cancelled", "expired", "notional", "gross_limit", "limit", "amount", "available")
    },
    "deal": examples.DEAL,
    "fills": (examples.FOUR,),
    "was": examples.FOUR,
    "now": examples.SIX,
    "corrects": 1,
    "rule": ReviewRule.BEYOND_QUANTITY,
    "excess": Decimal(1),
    "cost_method": CostMethod.FIFO,
    "reason": "why",
    "settled_on": examples.settle.settled_on,
    "owner_id": None,
    "currency": "EUR",
    "fill": examples.FOUR,
    "venue_trade_id": "v1",
    "may_release": True,
}


def test_no_float_stands_in_the_code_of_the_domain() -> None:
    """No float literal, call or annotation. Management commands are exempt, because they report durations."""
    floats = []
    paths = [path for path in Path(trading.__path__[0]).rglob("*.py") if "management" not in path.parts]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Constant(value=float(), lineno=line) | ast.Name(id="float", lineno=line):
                    floats.append(f"{path}:{line}")
                case _:
                    pass
    assert len(paths) > 15
    assert floats == []
