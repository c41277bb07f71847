"""Properties of the Trade aggregate for random sequences of commands."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import EventShopError
from eventshop.testing.given_when_then import round_trip
from tests.unit.trading.domain import examples
from trading.domain.commands import BustTrade, CorrectTrade, ExecuteTrade, TradeCommand
from trading.domain.events import Fill, FillsFlagged, TradeEvent, TradeSubmitted, notional, volume
from trading.domain.trade import Trade

# Few identifiers and small quantities, so that fills repeat, change, overfill and arrive after the end.
FILLS = st.builds(
    Fill,
    venue_trade_id=st.sampled_from(["v1", "v2", "v3", "v4"]),
    price=st.sampled_from([Decimal("199.96"), Decimal("199.98"), Decimal("200.00"), Decimal("200.02")]),
    quantity=st.integers(min_value=1, max_value=7).map(Decimal),
    at=st.just(examples.NOON),
)
SWEEPS = st.lists(FILLS, min_size=1, max_size=3, unique_by=lambda fill: fill.venue_trade_id)
COMMANDS: st.SearchStrategy[TradeCommand] = st.one_of(
    SWEEPS.map(lambda fills: ExecuteTrade(examples.TRADE, tuple(fills))),
    SWEEPS.map(lambda fills: ExecuteTrade(examples.TRADE, tuple(fills))),
    FILLS.map(lambda fill: CorrectTrade(examples.TRADE, fill, "wrong")),
    st.sampled_from(["v1", "v2", "v3"]).map(lambda number: BustTrade(examples.TRADE, number, "void")),
    st.sampled_from(
        [
            *(examples.submit, examples.reject, examples.cancel, examples.hold, examples.resume, examples.settle),
            *(examples.amend, examples.expire),
        ]
    ),
)
CONVERSATIONS = st.lists(COMMANDS, max_size=12).map(lambda some: [examples.submit, *some])


def apply_commands(conversation: list[TradeCommand]) -> tuple[Trade, list[TradeEvent]]:
    """Apply commands in order; refused commands change nothing. Returns the trade and its events."""
    trade, history = Trade(), list[TradeEvent]()
    for command in conversation:
        before = trade
        try:
            events = trade.decide(command)
        except EventShopError:
            assert trade == before
            continue
        trade = trade.evolve_all(events)
        history += events
    return trade, history


@given(CONVERSATIONS)
def test_what_was_accepted_replays_to_the_same_trade(conversation: list[TradeCommand]) -> None:
    trade, history = apply_commands(conversation)
    assert Trade().evolve_all(round_trip(event) for event in history) == trade  # type: ignore[misc]


@given(CONVERSATIONS)
def test_the_fills_that_stand_are_what_was_executed_and_more_than_was_ordered_is_flagged(
    conversation: list[TradeCommand],
) -> None:
    trade, history = apply_commands(conversation)
    standing = tuple(record.fill for record in trade.fills if not record.void)
    assert volume(standing) == trade.executed
    assert trade.executed <= trade.terms.quantity or any(isinstance(event, FillsFlagged) for event in history)
    assert notional(standing) == trade.notional
    if trade.closed is None:
        assert trade.open == max(trade.terms.quantity - trade.executed, 0)


@given(CONVERSATIONS)
def test_asking_everything_twice_changes_nothing(conversation: list[TradeCommand]) -> None:
    """Venues report fills repeatedly: a fill that was accepted once is accepted again without an event."""
    trade, history = apply_commands(conversation)
    for command in conversation:
        if isinstance(command, ExecuteTrade) and all(is_known(trade, fill) for fill in command.fills):
            assert trade.decide(command) == []
    assert sum(isinstance(event, TradeSubmitted) for event in history) == 1


def is_known(trade: Trade, fill: Fill) -> bool:
    record = trade.fills.get(fill.venue_trade_id)
    return record is not None and fill in (record.first, record.fill)


@given(st.lists(FILLS, min_size=1, max_size=4, unique_by=lambda fill: fill.venue_trade_id), FILLS)
def test_correcting_an_error_equals_never_having_erred(fills: list[Fill], right: Fill) -> None:
    executions = [ExecuteTrade(examples.TRADE, (fill,)) for fill in fills]
    _, history = apply_commands([examples.submit, *executions])
    wrong = next((fill for fill in fills if fill.venue_trade_id == right.venue_trade_id), None)
    erred, corrected = apply_commands([examples.submit, *executions, CorrectTrade(examples.TRADE, right, "wrong")])
    if wrong is None or len(corrected) == len(history) or len(history) <= len(fills):
        return  # nothing was wrong, it could not be corrected, or a fill had been refused
    instead = [ExecuteTrade(examples.TRADE, (right if fill is wrong else fill,)) for fill in fills]
    never, _ = apply_commands([examples.submit, *instead])
    for name in ("status", "executed", "notional", "open", "average_price"):
        assert getattr(erred, name) == getattr(never, name), name
