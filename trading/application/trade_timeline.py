"""A trade and an account as their owner sees them, straight from their events."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple, assert_never
from uuid import UUID

from django.http import HttpRequest

from eventshop.core.decimal_math import ZERO, subtract
from eventshop.core.messages import RecordedEvent
from eventshop.datetimes import format_date
from eventshop.eventstore.event_store import store
from eventshop.web.live.subscriptions import LiveSource, stream_versions
from eventshop.web.pages.timeline import TimelineEntry, build_timeline
from eventshop.web.shared import customer_port
from trading.application.account_owner_port import accounts_of, is_owner
from trading.application.number_formatting import format_average, format_price, format_number
from trading.domain.account import FrozenLimit, TradingAccount
from trading.domain.events import (
    AccountOpened,
    Fill,
    SettlementHeld,
    SettlementResumed,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeRejected,
    TradeSettled,
    TradeSubmitted,
    volume,
)
from trading.domain.trade import Status, Trade

#: What a state means to the owner, and its colour.
STATES: Final = {
    Status.PENDING: ("Being processed", "info"),
    Status.OPEN: ("Open", "info"),
    Status.PARTLY_FILLED: ("Partly filled", "info"),
    Status.FILLED: ("Filled, waits for settlement", "good"),
    Status.CANCELLED: ("Cancelled", "bad"),
    Status.REJECTED: ("Rejected", "bad"),
    Status.SETTLED: ("Settled", "good"),
}
#: What a page shows of a long story, and of many fills.
MAX_SHOWN: Final = 50


class TradeDetails(NamedTuple):
    """One trade: its newest events, and what all of them come to."""

    id: UUID
    version: int
    terms: TradeSubmitted
    state: Trade
    newest: list[RecordedEvent[TradeEvent]]

    @property
    def label(self) -> str:
        return STATES[self.state.status][0]

    @property
    def tone(self) -> str:
        return STATES[self.state.status][1]

    @property
    def is_in_progress(self) -> bool:
        """Whether more is going to happen by itself."""
        done = (Status.REJECTED, Status.SETTLED)
        return self.state.status not in done and not (self.state.status is Status.CANCELLED and not self.state.executed)

    @property
    def average_price(self) -> str:
        it = self.terms.instrument
        return format_average(self.state.average_price, it.code, it.currency)

    @property
    def can_cancel(self) -> bool:
        return self.state.status in (Status.OPEN, Status.PARTLY_FILLED)

    @property
    def timeline(self) -> list[TimelineEntry]:
        return build_timeline(reversed(self.newest), lambda event: describe_event(event, self.terms.instrument.currency))

    @property
    def earlier_events(self) -> int:
        return self.version - len(self.newest)

    @property
    def fills(self) -> list[Fill]:
        """The newest that stand."""
        standing = [booked.fill for booked in self.state.fills if not booked.void]
        return sorted(standing, key=lambda fill: fill.at, reverse=True)[:MAX_SHOWN]


def load_trade(trade_id: UUID, person: UUID) -> TradeDetails | None:
    """A trade of this person's; None for anybody else's, as for none."""
    events = store.get_events(trade_id)
    if not events or not isinstance(events[0].event, TradeSubmitted):
        return None
    terms = events[0].event
    if not is_owner(terms.account_id, person):
        return None
    state = Trade().evolve_all(it.event for it in events)
    return TradeDetails(trade_id, events[-1].meta.version, terms, state, events[-MAX_SHOWN:])


def _can_follow(request: HttpRequest, trade_id: UUID) -> bool:
    person = customer_port.current_adapter().person_of(request.user)
    for recorded in store.get_events(trade_id, to_version=1):
        if person and isinstance(recorded.event, TradeSubmitted):
            return is_owner(recorded.event.account_id, person)
    return False


#: A trade's page follows its stream.
trade_updates: Final = LiveSource("trade", _can_follow, stream_versions)


class LimitUsage(NamedTuple):
    """One limit of an account, what open trades use of it, and what is left."""

    name: str
    limit: Decimal
    used: Decimal

    @property
    def available(self) -> Decimal:
        return max(subtract(self.limit, self.used), ZERO)


class AccountDetails(NamedTuple):
    """One account as it stands now."""

    id: UUID
    opened: AccountOpened
    state: TradingAccount

    @property
    def limits(self) -> list[LimitUsage]:
        gross = LimitUsage("All instruments", self.state.gross_limit, self.state.amount_in_use())
        own = (LimitUsage(code, limit, self.state.amount_in_use(code)) for code, limit in sorted(self.state.limits.items()))
        return [gross, *own]

    @property
    def frozen(self) -> list[tuple[UUID, FrozenLimit]]:
        return list(self.state.frozen.items())

    def tightest_limit(self, instrument: str) -> LimitUsage:
        """The limit that has least left for this instrument."""
        return min((it for it in self.limits if it.name in ("All instruments", instrument)), key=lambda it: it.available)


def load_accounts(person: UUID) -> list[AccountDetails]:
    """All accounts of a person."""
    return [found for account_id in accounts_of(person) if (found := load_account(account_id, person))]


def load_account(account_id: UUID, person: UUID) -> AccountDetails | None:
    events = store.get_events(account_id)
    if not events or not isinstance(events[0].event, AccountOpened) or events[0].event.owner_id != person:
        return None
    return AccountDetails(account_id, events[0].event, TradingAccount().evolve_all(it.event for it in events))


def describe_event(event: TradeEvent, currency: str) -> tuple[str, str]:
    """One sentence, and its tone: done, bad or nothing."""
    match event:
        case TradeSubmitted():
            return f"Placed: {describe_terms(event)}.", "done"
        case TradeExecuted(fills=fills, open=left):
            prices = sorted({fill.price for fill in fills})
            at = " to ".join(format_price(it, currency) for it in dict.fromkeys((prices[0], prices[-1])))
            rest = f"; {format_number(left)} still open" if left else ""
            return f"Filled {format_number(volume(fills))} at {at}{rest}.", "done"
        case TradeRejected(reason=reason):
            return f"The trade was rejected: {reason}.", "bad"
        case TradeCancelled(cancelled=cancelled, reason=reason):
            return f"Cancelled {format_number(cancelled)}: {reason}.", "bad"
        case TradeCorrected(was=was, now=now, reason=reason):
            wrong, right = (f"{format_number(it.quantity)} at {format_price(it.price, currency)}" for it in (was, now))
            return f"The venue corrected a fill from {wrong} to {right}: {reason}.", ""
        case TradeBusted(was=was, reason=reason):
            return (
                f"The venue took back a fill of {format_number(was.quantity)} at {format_price(was.price, currency)}: {reason}.",
                "bad",
            )
        case SettlementHeld(reason=reason):
            return f"The settlement is on hold: {reason}.", ""
        case SettlementResumed(reason=reason):
            return f"The settlement goes on: {reason}.", ""
        case TradeSettled(settled_on=day):
            return f"The trade settled on {format_date(day)}.", "done"
        case _:
            assert_never(event)


def describe_terms(it: TradeSubmitted) -> str:
    """What was wanted: `buy 10 XETRA/SAP at 200.00 EUR or better`."""
    limit = it.limit_price
    terms = "at the market" if limit is None else f"at {format_price(limit, it.instrument.currency)} or better"
    return f"{it.side.lower()} {format_number(it.quantity)} {it.instrument.code} {terms}"
