"""The settlement saga settles a completed trade after its business days, unless it is reopened, held or settled early.

The settlement day follows from the fills that stand: one that is void or corrected leaves no trace. What the venue
reports later, of a trade that was cancelled, rejected or settled, is settled as well, once more if need be.
As soon as a trade has no open quantity, the saga releases the amount that the trade had frozen. A reopened trade
freezes the amount of its open quantity again; if a limit is too small for that, the saga cancels the open quantity.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import ClassVar, Final, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Event, Meta
from eventshop.core.saga import (
    CancelTimer,
    CompensationRequested,
    RefusedCommand,
    Saga,
    SagaAction,
    StartTimer,
    TimerFired,
)
from trading.domain.business_days import CALENDARS, settlement_time
from trading.domain.commands import (
    CancelTrade,
    ExpireTrade,
    FreezeAmount,
    HoldSettlement,
    ReleaseAmount,
    SettleTrade,
)
from trading.domain.contract_value import limit_amount, money_currency
from trading.domain.errors import SettlementOnHold
from trading.domain.events import (
    AmendRequested,
    CancelRequested,
    Fill,
    FreezeRefused,
    Instrument,
    SettlementHeld,
    SettlementResumed,
    TimeInForce,
    TradeAmended,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeExecuted,
    TradeExpired,
    TradeRejected,
    TradeSettled,
    TradeSubmitted,
)
from trading.sagas.venue_effects import AmendOrder, CancelOrder, PlaceOrder, VenueAnswered

SETTLEMENT_TIMER: Final = "settlement"
EXPIRY_TIMER: Final = "expiry"
#: How long the venue's answer to an order that is good at once may take.
AT_ONCE: Final = timedelta(seconds=10)
#: The delay before a refused settlement is tried again.
RETRY_AFTER: Final = timedelta(hours=1)
#: A trade that was recorded so long after it occurred is imported history and starts no saga.
HISTORY_THRESHOLD: Final = timedelta(hours=1)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

SettlementInput: TypeAlias = (
    TradeSubmitted
    | TradeExecuted
    | TradeCorrected
    | TradeBusted
    | TradeCancelled
    | CancelRequested
    | AmendRequested
    | VenueAnswered
    | TradeAmended
    | TradeExpired
    | TradeRejected
    | SettlementHeld
    | SettlementResumed
    | TradeSettled
    | FreezeRefused
    | RefusedCommand
    | TimerFired
    | CompensationRequested
)


class SettlementSaga(Saga[SettlementInput], frozen=True):
    """The process of one trade from its submission to its settlement."""

    kind: ClassVar[str] = "trade-settlement"

    trade_id: UUID = UUID(int=0)
    account_id: UUID = UUID(int=0)
    instrument: Instrument | None = None
    limit_price: Decimal | None = None
    executed_at: datetime = _NEVER  # the latest fill, where `days` was not counted yet: cannot go back
    days: Mapping[date, int] = {}  # the fills that stand, by their day in the zone of the calendar
    filled: int = 0  # number of fills that are not void
    at_once: bool = False  # immediate or cancel
    good_until: datetime | None = None  # of an order for the day
    closed: bool = False  # cancelled, expired, rejected or settled: we expect no further fill
    waiting: bool = False  # the settlement timer runs
    on_hold: bool = False
    overdue: bool = False  # the settlement time passed while the trade was on hold
    reopened: bool = False  # the trade was complete before, and its open quantity is frozen again
    settled_on: date | None = None  # the value date of the latest settlement
    ended_as: str = ""

    @staticmethod
    def subject_of(event: TradeSubmitted | TradeExecuted | FreezeRefused) -> UUID:
        return event.trade_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return isinstance(event, TradeSubmitted) and meta.recorded_at - meta.occurred_at < HISTORY_THRESHOLD

    @property
    def ended(self) -> bool:
        return bool(self.ended_as)

    @property
    def settles_at(self) -> datetime:
        """The settlement time: so many business days after the latest fill that stands."""
        if self.instrument is None:
            return _NEVER
        executed_at = max([self.executed_at, *(datetime.combine(day, time(), self._zone) for day in self.days)])
        return settlement_time(self.instrument.calendar, executed_at, self.instrument.settlement_days)

    @property
    def _zone(self) -> tzinfo:
        return CALENDARS[self.instrument.calendar].zone if self.instrument else UTC

    def react(self, event: SettlementInput) -> list[SagaAction]:
        after = self.evolve(event)
        match event:
            case TradeSubmitted(routed=True):
                return [_order_of(event)]  # the venue says when it has expired
            case TradeSubmitted():
                return after._start_expiry()
            case CancelRequested():
                return [CancelOrder(self.trade_id)]
            case AmendRequested(quantity=quantity, limit_price=limit_price):
                return [AmendOrder(self.trade_id, quantity, limit_price)]
            case TimerFired(name=timer) if timer == EXPIRY_TIMER:
                return [] if self.closed or self.waiting else [ExpireTrade(self.trade_id)]
            case TradeExecuted(open=left) if left and self.at_once and not self.closed:
                return [*self._steps_after_fills(after), ExpireTrade(self.trade_id)]
            case TradeExecuted():
                return self._steps_after_fills(after)
            case TradeCorrected(was=was, open=left) | TradeBusted(was=was, open=left):
                return [*self._steps_after_fills(after), *self._freeze_again(after, left, was)]
            case FreezeRefused(limit=limit) if self.reopened:
                return [CancelTrade(self.trade_id, f"reopened, but the limit {limit} is too small")]
            case RefusedCommand(command=FreezeAmount(), code=code) if self.reopened:
                return [CancelTrade(self.trade_id, f"reopened, but its amount cannot be frozen: {code}")]
            case TradeCancelled() | TradeExpired():
                return [*self._release_limit(), *self._start_timer(after)]
            case TradeRejected():
                return self._release_limit()
            case TimerFired() if after.overdue:
                return []
            case TimerFired() if self.waiting:
                return [self._settle()]
            case SettlementResumed() if self.overdue and self.waiting:
                return [self._settle()]
            case TradeSettled():
                return [CancelTimer(SETTLEMENT_TIMER)]
            case RefusedCommand(command=SettleTrade(), code=code) if code != SettlementOnHold.code and self.waiting:
                return [StartTimer(SETTLEMENT_TIMER, after=RETRY_AFTER)]
            case CompensationRequested(reason=reason) if not self.ended:
                return [HoldSettlement(self.trade_id, reason)]
            case TradeAmended(open=left) if not left:  # the venue amended to what is filled
                return [*self._release_limit(), *self._start_timer(after)]
            case VenueAnswered() | TradeAmended() | SettlementHeld() | SettlementResumed() | FreezeRefused():
                return []
            case TimerFired() | RefusedCommand() | CompensationRequested():
                return []  # `SettlementHeld` reports a hold; releasing an amount that is not frozen may be refused
            case _:
                assert_never(event)

    def evolve(self, event: SettlementInput) -> Self:
        match event:
            case TradeSubmitted():
                started = replace(self, trade_id=event.trade_id, account_id=event.account_id)
                started = replace(started, instrument=event.instrument, limit_price=event.limit_price)
                if event.routed:
                    return started
                return replace(started, at_once=event.time_in_force is TimeInForce.IOC, good_until=event.good_until)
            case TradeAmended(limit_price=limit_price, open=left):
                amended = replace(self, limit_price=limit_price)
                return amended if left else amended._update_waiting(True)
            case TradeExecuted(fills=fills, open=left):
                return self._count_fills(more=fills)._update_waiting(not left)
            case TradeCorrected(was=was, now=now, open=left):
                return self._count_fills(more=(now,), less=(was,))._update_waiting(not left)
            case TradeBusted(was=was, open=left):
                return self._count_fills(less=(was,))._update_waiting(not left)
            case TradeCancelled() | TradeExpired():
                return replace(self, closed=True)._update_waiting(True)
            case TradeRejected():
                return replace(self, closed=True, ended_as="rejected")
            case TradeSettled(settled_on=day):
                return replace(self, closed=True, settled_on=day, ended_as="settled", waiting=False)
            case SettlementHeld():
                return replace(self, on_hold=True)
            case SettlementResumed():
                return replace(self, on_hold=False, overdue=False)
            case TimerFired(name=timer) if timer == EXPIRY_TIMER:
                return self
            case TimerFired():
                return replace(self, overdue=self.on_hold and self.waiting)
            case RefusedCommand(command=SettleTrade(), code=SettlementOnHold.code):
                return replace(self, overdue=True)
            case RefusedCommand() | CompensationRequested() | FreezeRefused():
                return self
            case CancelRequested() | AmendRequested() | VenueAnswered():
                return self
            case _:
                assert_never(event)

    def _count_fills(self, *, more: tuple[Fill, ...] = (), less: tuple[Fill, ...] = ()) -> Self:
        days = dict(self.days)
        for fill, change in [*((fill, -1) for fill in less), *((fill, 1) for fill in more)]:
            day = fill.at.astimezone(self._zone).date()
            days[day] = days.get(day, 0) + change
        standing = {day: count for day, count in days.items() if count > 0}
        return replace(self, days=standing, filled=self.filled + len(more) - len(less))

    def _update_waiting(self, done: bool) -> Self:
        """Set `waiting`: a trade waits for its settlement if nothing is open and at least one fill is valid.

        One that has settled settles again after every change, if need be with nothing.
        """
        waiting = (done or self.closed) and (self.filled > 0 or self.settled_on is not None)
        reopened = not waiting and (self.waiting or self.reopened)
        ended_as = "" if waiting else self.ended_as or ("cancelled" if self.closed else "")
        return replace(self, waiting=waiting, reopened=reopened, ended_as=ended_as)

    def _steps_after_fills(self, after: Self) -> list[SagaAction]:
        if after.waiting:
            return [*([] if self.waiting or self.closed else self._release_limit()), *self._start_timer(after)]
        # The time for which a reopened order was good may be over: then the timer fires at once.
        return [CancelTimer(SETTLEMENT_TIMER), *self._start_expiry()] if self.waiting else []

    def _freeze_again(self, after: Self, left: Decimal, was: Fill) -> list[SagaAction]:
        """Freeze the open quantity of a reopened trade, at the limit price or at the price of the removed fill."""
        if self.instrument is None or not self.waiting or after.waiting or not left:
            return []
        amount = limit_amount(self.instrument, left, self.limit_price or was.price)
        code, currency = self.instrument.code, money_currency(self.instrument)
        return [FreezeAmount(self.account_id, self.trade_id, code, currency, amount)]

    def _start_timer(self, after: Self) -> list[SagaAction]:
        return [StartTimer(SETTLEMENT_TIMER, due=after.settles_at)] if after.waiting else []

    def _start_expiry(self) -> list[SagaAction]:
        if self.at_once:
            return [StartTimer(EXPIRY_TIMER, after=AT_ONCE)]
        return [StartTimer(EXPIRY_TIMER, due=self.good_until)] if self.good_until else []

    def _release_limit(self) -> list[SagaAction]:
        return [ReleaseAmount(self.account_id, self.trade_id)]

    def _settle(self) -> SettleTrade:
        """The command to settle. The value date is the due date, even if the settlement is late."""
        if not self.filled and self.settled_on is not None:  # all that had settled is void
            return SettleTrade(self.trade_id, self.settled_on)
        return SettleTrade(self.trade_id, self.settles_at.astimezone(self._zone).date())


def _order_of(event: TradeSubmitted) -> PlaceOrder:
    return PlaceOrder(
        event.trade_id,
        event.instrument.code,
        event.side,
        event.type,
        event.quantity,
        event.limit_price,
        event.time_in_force,
        event.good_until,
    )
