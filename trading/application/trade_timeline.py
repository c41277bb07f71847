"""A trade as its owner sees it, read from its events: its state, its fills and its timeline in words."""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never
from uuid import UUID

from django.http import HttpRequest

from eventshop.core.messages import RecordedEvent
from eventshop.datetimes import format_date
from eventshop.eventstore.event_store import store
from eventshop.web.live.subscriptions import LiveSource, stream_versions
from eventshop.web.pages.timeline import TimelineEntry, build_timeline
from eventshop.web.shared import customer_port
from trading.application.account_owner_port import is_owner
from trading.application.number_formatting import format_average, format_number, format_price
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    CancelRejected,
    CancelRequested,
    Fill,
    FillsFlagged,
    ReviewRule,
    SettlementHeld,
    SettlementResumed,
    TimeInForce,
    TradeAmended,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeExpired,
    TradeRejected,
    TradeReviewed,
    TradeSettled,
    TradeSubmitted,
    volume,
)
from trading.domain.trade import Status, Trade

#: The owner's words for each status, and the colour of its badge.
STATUS_LABELS: Final = {
    Status.PENDING: ("Being processed", "info"),
    Status.OPEN: ("Open", "info"),
    Status.PARTLY_FILLED: ("Partly filled", "info"),
    Status.FILLED: ("Filled, waits for settlement", "good"),
    Status.CANCELLED: ("Cancelled", "bad"),
    Status.EXPIRED: ("Expired", "bad"),
    Status.REJECTED: ("Rejected", "bad"),
    Status.SETTLED: ("Settled", "good"),
}
FLAG_LABELS: Final = {
    ReviewRule.BEYOND_QUANTITY: "The venue filled {excess} more than ordered.",
    ReviewRule.AFTER_REJECTION: "The venue reported a fill of a trade that was rejected.",
    ReviewRule.AFTER_SETTLEMENT: "The venue changed what had settled; it settles again.",
}
_GOOD_LABELS: Final = {
    TimeInForce.GTC: "",
    TimeInForce.DAY: ", for the day",
    TimeInForce.IOC: ", at once or not at all",
}
#: The most timeline entries and fills that a page shows.
MAX_SHOWN: Final = 50


class CustomerTrade(NamedTuple):
    """One trade: its newest events, and the state that all its events lead to."""

    id: UUID
    version: int
    terms: TradeSubmitted
    state: Trade
    newest: list[RecordedEvent[TradeEvent]]

    @property
    def label(self) -> str:
        return STATUS_LABELS[self.state.status][0]

    @property
    def tone(self) -> str:
        return STATUS_LABELS[self.state.status][1]

    @property
    def is_in_progress(self) -> bool:
        """Whether the trade will still change by itself."""
        if self.state.status in (Status.CANCELLED, Status.EXPIRED):
            return bool(self.state.executed) or self.state.has_settled
        return self.state.status not in (Status.REJECTED, Status.SETTLED)

    @property
    def average_price(self) -> str:
        instrument = self.terms.instrument
        return format_average(self.state.average_price, instrument.code, instrument.currency)

    @property
    def can_cancel(self) -> bool:
        return self.state.status in (Status.OPEN, Status.PARTLY_FILLED)

    @property
    def timeline(self) -> list[TimelineEntry]:
        return build_timeline(
            reversed(self.newest), lambda event: describe_event(event, self.terms.instrument.currency)
        )

    @property
    def earlier_events(self) -> int:
        """The number of events before the timeline."""
        return self.version - len(self.newest)

    @property
    def fills(self) -> list[Fill]:
        """The newest fills that are not void."""
        valid = [record.fill for record in self.state.fills if not record.void]
        return sorted(valid, key=lambda fill: fill.at, reverse=True)[:MAX_SHOWN]


def load_customer_trade(trade_id: UUID, person: UUID) -> CustomerTrade | None:
    """A trade of a person; None if it does not exist or belongs to somebody else."""
    events = store.get_events(trade_id)
    if not events or not isinstance(events[0].event, TradeSubmitted):
        return None
    if not is_owner(events[0].event.account_id, person):
        return None
    state = Trade().evolve_all(event.event for event in events)
    return CustomerTrade(trade_id, events[-1].meta.version, state.terms, state, events[-MAX_SHOWN:])


def _is_own_trade(request: HttpRequest, trade_id: UUID) -> bool:
    person = customer_port.current_adapter().person_of(request.user)
    for recorded in store.get_events(trade_id, to_version=1):
        if person and isinstance(recorded.event, TradeSubmitted):
            return is_owner(recorded.event.account_id, person)
    return False


#: Live updates of a trade's page: the versions of its stream.
trade_updates: Final = LiveSource("trade", _is_own_trade, stream_versions)


def describe_event(event: TradeEvent, currency: str) -> tuple[str, str]:
    """Describe an event in one sentence; returns it with its tone: `done`, `bad` or empty."""
    match event:
        case TradeSubmitted():
            return f"Placed: {describe_terms(event)}.", "done"
        case TradeExecuted(fills=fills, open=left):
            prices = sorted({fill.price for fill in fills})
            price_range = " to ".join(format_price(price, currency) for price in dict.fromkeys((prices[0], prices[-1])))
            rest = f"; {format_number(left)} still open" if left else ""
            return f"Filled {format_number(volume(fills))} at {price_range}{rest}.", "done"
        case TradeRejected(reason=reason):
            return f"The trade was rejected: {reason}.", "bad"
        case CancelRequested(reason=reason):
            return f"The venue was asked to cancel: {reason}.", ""
        case CancelRejected(reason=reason):
            return f"The venue did not cancel: {reason}.", "bad"
        case AmendRequested(quantity=quantity, limit_price=limit, reason=reason):
            price = "" if limit is None else f" at {format_price(limit, currency)}"
            return f"The venue was asked to amend to {format_number(quantity)}{price}: {reason}.", ""
        case AmendRejected(reason=reason):
            return f"The venue did not amend: {reason}.", "bad"
        case TradeCancelled(cancelled=cancelled, reason=reason):
            return f"Cancelled {format_number(cancelled)}: {reason}.", "bad"
        case TradeAmended(quantity=quantity, limit_price=limit, reason=reason):
            price = "" if limit is None else f" at {format_price(limit, currency)}"
            return f"Amended to {format_number(quantity)}{price}: {reason}.", ""
        case TradeExpired(expired=expired):
            return f"Expired: {format_number(expired)} can no longer be filled.", "bad"
        case TradeCorrected(was=was, now=now, reason=reason):
            wrong, right = (
                f"{format_number(fill.quantity)} at {format_price(fill.price, currency)}" for fill in (was, now)
            )
            return f"The venue corrected a fill from {wrong} to {right}: {reason}.", ""
        case TradeBusted(was=was, reason=reason):
            fill = f"{format_number(was.quantity)} at {format_price(was.price, currency)}"
            return f"The venue declared a fill of {fill} void: {reason}.", "bad"
        case FillsFlagged(rule=rule, excess=excess):
            return f"{FLAG_LABELS[rule].format(excess=format_number(excess))} Staff will look at it.", ""
        case TradeReviewed(reason=reason):
            return f"Looked at by staff: {reason}.", ""
        case SettlementHeld(reason=reason):
            return f"The settlement is on hold: {reason}.", ""
        case SettlementResumed(reason=reason):
            return f"The settlement was resumed: {reason}.", ""
        case TradeSettled(settled_on=day):
            return f"The trade settled on {format_date(day)}.", "done"
        case _:
            assert_never(event)


def describe_terms(terms: TradeSubmitted) -> str:
    """Describe an order: `buy 10 XETRA/SAP at 200.00 EUR or better`."""
    limit, instrument = terms.limit_price, terms.instrument
    price = "at the market" if limit is None else f"at {format_price(limit, instrument.currency)} or better"
    good = _GOOD_LABELS[terms.time_in_force]
    return f"{terms.side.lower()} {format_number(terms.quantity)} {instrument.code} {price}{good}"
