"""Invalid input is refused by the command itself, with the line and the value, whatever the order's state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from eventshop.core.errors import CurrencyMismatch, InvalidMessage, InvalidMoney, UnknownCurrency, UnknownName
from eventshop.core.message_registry import registry
from eventshop.core.money import Money
from eventshop.core.serialization import decode_command, encode_canonical
from orders.domain.commands import CreateOrder, ShipOrder
from orders.domain.events import Line
from tests.unit.orders.domain.examples import ADA, LINES, ORDER, ask_return, create, credit, gbp, ship

LINE: dict[str, Any] = {
    "sku": "71053",
    "description": "LANTERN",
    "quantity": 6,
    "price": {"amount": "3.39", "currency": "GBP"},
}
ORDERED: dict[str, Any] = {
    "order_id": str(ORDER),
    "reference": "536365",
    "customer_id": str(ADA),
    "lines": [LINE],
    "country": "France",
}


def price(amount: str, currency: str = "GBP") -> dict[str, Any]:
    return {"price": {"amount": amount, "currency": currency}}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"quantity": 0}, InvalidMessage, r"int.*>= 1.*\$\.lines\[0\]\.quantity"),
        ({"quantity": -6}, InvalidMessage, r"\$\.lines\[0\]\.quantity"),
        ({"quantity": 10_000_001}, InvalidMessage, r"<= 10000000.*\$\.lines\[0\]\.quantity"),
        ({"quantity": "6"}, InvalidMessage, r"Expected `int`, got `str`"),
        ({"quantity": 6.0}, InvalidMessage, r"got `float`.*\$\.lines\[0\]\.quantity"),
        ({"quantity": True}, InvalidMessage, r"Expected `int`, got `bool`"),
        (price("-0.01"), InvalidMessage, r"71053: .*-0\.01 GBP"),
        (price("1.2345"), InvalidMessage, r"71053: .*1\.2345 GBP .*\b3\b"),
        (price("NaN"), InvalidMoney, "NaN"),
        (price("1E+20"), InvalidMoney, r"1E\+20.*\b15\b"),
        (price("999999999999999"), InvalidMoney, r"\b15\b"),
        (price("3.39", "pounds"), InvalidMoney, "three capital letters"),
        ({"price": 3.39}, InvalidMessage, r"got `float`.*\$\.lines\[0\]\.price"),
        ({"price": "3.39"}, InvalidMessage, r"Expected `object`, got `str`.*\$\.lines\[0\]\.price"),
        ({"sku": ""}, InvalidMessage, r"\$\.lines\[0\]\.sku"),
        ({"sku": "7" * 201}, InvalidMessage, r"\$\.lines\[0\]\.sku"),
        ({"description": "a\x1bb"}, InvalidMessage, r"\$\.lines\[0\]\.description"),
        ({"discount": 1}, InvalidMessage, r"unknown field `discount`.*\$\.lines\[0\]"),
    ],
)
def test_a_line_that_no_order_can_hold(change: dict[str, Any], error: type[InvalidMessage], words: str) -> None:
    with pytest.raises(error, match=words):
        decode_command(CreateOrder, ORDERED | {"lines": [LINE | change]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": []}, "at least one line"),
        ({"lines": [LINE] * 1_501}, r"length <= 1500.*\$\.lines"),
        ({"reference": ""}, r"\$\.reference"),
        ({"reference": "x" * 201}, r"\$\.reference"),
        ({"reference": "1\r\n2"}, r"\$\.reference"),
        ({"country": "x" * 201}, r"\$\.country"),
        ({"customer_id": "17850"}, r"\$\.customer_id"),
        ({"order_id": None}, r"\$\.order_id"),
        ({"total": "0"}, "unknown field `total`"),
        ({"status": "PAID"}, "unknown field `status`"),
    ],
)
def test_an_order_that_makes_no_sense(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        decode_command(CreateOrder, ORDERED | change)


def test_what_is_left_out_is_named() -> None:
    with pytest.raises(InvalidMessage, match="missing required field `lines`"):
        decode_command(CreateOrder, {name: value for name, value in ORDERED.items() if name != "lines"})


def test_an_order_is_in_one_currency() -> None:
    euros = Line(sku="21212", description="MUG", quantity=1, price=Money(Decimal(1), "EUR"))
    for command in (create, credit):
        with pytest.raises(CurrencyMismatch, match=r"21212: .*\b1 EUR\b.*\bGBP\b"):
            replace(command, lines=(LINES[0], euros))


def test_an_order_is_in_a_currency_that_exists() -> None:
    for currency in ("ZZZ", "XXX", "BGN"):
        line = replace(LINES[0], price=Money(Decimal(1), currency))
        for command in (create, credit):
            with pytest.raises(UnknownCurrency, match=currency):
                replace(command, lines=(line,))


def test_more_money_than_any_column_holds_is_refused_before_anything_is_decided() -> None:
    dear = Line(sku="1", description="", quantity=2, price=gbp("500000000000000"))
    with pytest.raises(InvalidMoney, match=r"\b15\b"):
        CreateOrder(order_id=ORDER, reference="1", customer_id=None, lines=(dear,))


def test_a_return_counts_lines_from_one() -> None:
    with pytest.raises(InvalidMessage, match=r">= 1.*\$\.lines\[0\]\.line"):
        encode_canonical(ask_return((0, 1)))


def test_a_command_built_in_python_is_held_to_its_texts() -> None:
    for wrong in (replace(ship, carrier=""), replace(ship, carrier="x" * 201), replace(ship, tracking="a\nb")):
        with pytest.raises(InvalidMessage, match="ShipOrder"):
            encode_canonical(wrong)


def test_an_unknown_command_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UnknownName, match=r"'SendOrder'.*ShipOrder"):
        registry.command_class("SendOrder")
    assert registry.command_class("ShipOrder") is ShipOrder
