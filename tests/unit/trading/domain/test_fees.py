"""Fees: given by the report or computed by the terms of the trade, and moved back by corrections and busts."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from eventshop.core.errors import InvalidMessage
from eventshop.core.message_registry import registry
from eventshop.core.serialization import decode_command, decode_event
from eventshop.testing.given_when_then import given
from tests.unit.trading.domain import examples
from tests.unit.trading.domain.examples import FOUR, SIX, TRADE, bust, correct, execute, executed, fill
from tests.unit.trading.domain.test_stored_names import STORED
from trading.domain.commands import ExecuteTrade
from trading.domain.errors import FillChanged, WrongFeeCurrency
from trading.domain.events import Contract, Fee, FeeTerms, Fill, TradeSubmitted
from trading.domain.fees import compute_fee, fees_of
from trading.domain.trade import Trade

TENTH_OF_A_PERCENT = FeeTerms(Decimal("0.001"))
with_terms = replace(examples.submitted, fee_terms=TENTH_OF_A_PERCENT)


def fee(amount: str, currency: str = "EUR") -> Fee:
    return Fee(Decimal(amount), currency)


def costs(some: Fill, amount: str) -> Fill:
    return replace(some, fee=fee(amount))


def fees(trade: Trade) -> Decimal:
    return fees_of(tuple(record.fill for record in trade.fills if not record.void))


def test_a_fill_has_the_fee_of_its_report() -> None:
    reported = costs(FOUR, "1.25")
    given(Trade, examples.submitted).when(execute(reported)).then(executed(reported, left="6"))
    given(Trade, with_terms).when(execute(reported)).then(executed(reported, left="6"))


def test_without_one_the_terms_of_the_trade_say_what_it_is() -> None:
    given(Trade, with_terms).when(execute(FOUR)).then(executed(costs(FOUR, "0.80"), left="6"))
    given(Trade, examples.submitted).when(execute(FOUR)).then(executed(FOUR, left="6"))


def terms_of(*numbers: str, **changes: Any) -> TradeSubmitted:
    instrument = replace(examples.SAP, **changes)
    return replace(examples.submitted, instrument=instrument, fee_terms=FeeTerms(*map(Decimal, numbers)))


@pytest.mark.parametrize(
    ("terms", "right"),
    [
        (terms_of("0.001", "0.02", "0"), fee("0.88")),  # 0.79992 and 0.08
        (terms_of("0.001", "0", "5"), fee("5.00")),
        (terms_of("-0.0002"), fee("-0.16")),  # a rebate
        (terms_of("0"), fee("0.00")),
        (terms_of("0.0000188"), fee("0.02")),  # half a cent more than one
        (terms_of("0.001", currency="USDT"), fee("0.79992", "USDT")),  # no currency of ISO 4217: eight decimals
        (terms_of("0.0005", contract=Contract(Decimal(100), True, "BTC")), fee("0.00100010", "BTC")),
        (terms_of("0.001", contract=Contract(Decimal(50), False, "JPY")), fee("40", "JPY")),
    ],
)
def test_the_fee_by_terms(terms: TradeSubmitted, right: Fee) -> None:
    assert compute_fee(terms, FOUR) == right


def test_the_same_report_again_is_known_whatever_fee_was_computed() -> None:
    booked = executed(costs(FOUR, "0.80"), left="6")
    given(Trade, with_terms, booked).when(execute(FOUR)).then_nothing()
    given(Trade, with_terms, booked).when(execute(costs(FOUR, "0.80"))).then_nothing()
    given(Trade, with_terms, booked).when(execute(costs(FOUR, "0.81"))).then_refused(FillChanged)
    given(Trade, examples.submitted, examples.four).when(execute(costs(FOUR, "0.81"))).then_refused(FillChanged)


def test_a_fee_that_is_reported_later_is_a_correction() -> None:
    later = costs(FOUR, "0.81")
    corrected = examples.corrected(FOUR, later, corrects=2, left="6")
    given(Trade, examples.submitted, examples.four).when(correct(later)).then(corrected)


def test_a_correction_without_a_fee_computes_what_was_computed_and_keeps_what_was_reported() -> None:
    right = replace(FOUR, price=Decimal("100.00"))
    computed, reported = costs(FOUR, "0.80"), costs(FOUR, "7")
    given(Trade, with_terms, executed(computed, left="6")).when(correct(right)).then(
        examples.corrected(computed, costs(right, "0.40"), corrects=2, left="6")
    )
    given(Trade, with_terms, executed(reported, left="6")).when(correct(right)).then(
        examples.corrected(reported, costs(right, "7"), corrects=2, left="6")
    )
    given(Trade, with_terms, executed(computed, left="6")).when(correct(FOUR)).then_nothing()


def test_corrections_of_corrections_and_busts_take_fees_back() -> None:
    trade = Trade().evolve(with_terms)
    for command in (execute(costs(FOUR, "3"), SIX), correct(costs(FOUR, "2")), correct(costs(FOUR, "1"))):
        trade = trade.evolve_all(trade.decide(command))
    assert fees(trade) == Decimal("2.20")
    trade = trade.evolve_all(trade.decide(bust("v1")))
    assert fees(trade) == Decimal("1.20")
    assert trade.decide(bust("v1")) == []


BAD_FEES: list[tuple[Any, str]] = [
    ({"amount": "1.000000001", "currency": "EUR"}, "fee 1.000000001 has more than 8 decimals"),
    ({"amount": "12345678901234567890123456789.1", "currency": "EUR"}, "fee must be .* below 10,000,000,000"),
    ({"amount": "1E+10", "currency": "EUR"}, "below 10,000,000,000"),
    ({"amount": "NaN", "currency": "EUR"}, "fee must be"),
    ({"amount": "Infinity", "currency": "EUR"}, "fee must be"),
    ({"amount": 1.5, "currency": "EUR"}, r"not as a JSON number.*fee"),
    ({"amount": "1", "currency": "euro"}, r"fee\.currency"),
    ({"amount": "1"}, "currency"),
    ({"amount": "1", "currency": "EUR", "payer": "us"}, "unknown field `payer`"),
    ("1.25", "fee"),
]


@pytest.mark.parametrize(("bad", "words"), BAD_FEES)
def test_a_fee_that_makes_no_sense(bad: Any, words: str) -> None:
    reported = {"trade_id": str(TRADE), "fills": [msgspec.to_builtins(FOUR) | {"fee": bad}]}
    with pytest.raises(InvalidMessage, match=words):
        decode_command(ExecuteTrade, reported)


def test_a_fee_is_in_the_currency_of_the_values() -> None:
    given(Trade, examples.submitted).when(execute(replace(FOUR, fee=fee("1", "USD")))).then_refused(WrongFeeCurrency)
    given(Trade, examples.submitted, examples.four).when(correct(replace(FOUR, fee=fee("1", "USD")))).then_refused(
        WrongFeeCurrency
    )


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (("1.5",), "rate 1.5 is more than the whole value"),
        (("0.001", "0.000000001"), "per_piece .* more than 8 decimals"),
        (("0.001", "0", "-1"), "minimum -1"),
        (("NaN",), "rate"),
    ],
)
def test_terms_that_make_no_sense(numbers: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        FeeTerms(*map(Decimal, numbers))


@pytest.mark.parametrize("name", ["TradeExecuted", "TradeCorrected", "TradeBusted"])
def test_an_event_of_before_fees_has_none(name: str) -> None:
    event, stored = STORED[name]
    fields = json.loads(stored.replace(',"fee":null', ""))
    for upcast in registry.reader_for(name, type(event).schema_version - 1).upcasters:
        fields = upcast(fields)
    assert decode_event(registry.event_class(name), json.dumps(fields)) == event


def test_a_rebate_and_a_fee_of_nothing_are_fees() -> None:
    for amount in ("-0.5", "0"):
        given(Trade, with_terms).when(execute(costs(fill("v1", "1"), amount))).then(
            executed(costs(fill("v1", "1"), amount), left="9")
        )
