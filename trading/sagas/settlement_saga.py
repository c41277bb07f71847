"""The settlement saga settles a completed trade after its business days, unless it is reopened, held or settled early.

As soon as a trade has no open quantity, the saga releases the amount that the trade had frozen. A reopened trade
freezes the amount of its open quantity again; if a limit is too small for that, the saga cancels the open quantity.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    FreezeAmount,
    HoldSettlement,
    ReleaseAmount,
    SettleTrade,
    rounded_notional,
)
from trading.domain.errors import SettlementOnHold
from trading.domain.events import (
    Fill,
    FreezeRefused,
    Instrument,
    SettlementHeld,
    SettlementResumed,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeExecuted,
    TradeRejected,
    TradeSettled,
    TradeSubmitted,
)

SETTLEMENT_TIMER: Final = "settlement"
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
    executed_at: datetime = _NEVER  # time of the latest fill
    filled: int = 0  # number of fills that are not void
    closed: bool = False  # cancelled: no further fill is possible
    waiting: bool = False  # the settlement timer runs
    on_hold: bool = False
    overdue: bool = False  # the settlement time passed while the trade was on hold
    reopened: bool = False  # the trade was complete before, and its open quantity is frozen again
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
        """The settlement time."""
        terms = self.instrument
        return settlement_time(terms.calendar, self.executed_at, terms.settlement_days) if terms else _NEVER

    def react(self, event: SettlementInput) -> list[SagaAction]:
        after = self.evolve(event)
        match event:
            case TradeExecuted():
                return self._steps_after_fills(after)
            case TradeCorrected(was=was, open=left) | TradeBusted(was=was, open=left):
                return [*self._steps_after_fills(after), *self._freeze_again(after, left, was)]
            case FreezeRefused(limit=limit) if self.reopened:
                return [CancelTrade(self.trade_id, f"reopened, but the limit {limit} is too small")]
            case TradeCancelled():
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
            case TradeSubmitted() | SettlementHeld() | SettlementResumed() | FreezeRefused():
                return []
            case TimerFired() | RefusedCommand() | CompensationRequested():
                return []  # `SettlementHeld` reports a hold; releasing an amount that is not frozen may be refused
            case _:
                assert_never(event)

    def evolve(self, event: SettlementInput) -> Self:
        match event:
            case TradeSubmitted():
                started = replace(self, trade_id=event.trade_id, account_id=event.account_id)
                return replace(started, instrument=event.instrument, limit_price=event.limit_price)
            case TradeExecuted(fills=fills, open=left):
                return self._add_fills(fills, len(fills))._update_waiting(not left)
            case TradeCorrected(now=now, open=left):
                return self._add_fills((now,), 0)._update_waiting(not left)
            case TradeBusted(open=left):
                return replace(self, filled=self.filled - 1)._update_waiting(not left)
            case TradeCancelled():
                after = replace(self, closed=True)._update_waiting(True)
                return after if after.filled else replace(after, ended_as="cancelled")
            case TradeRejected():
                return replace(self, ended_as="rejected")
            case TradeSettled():
                return replace(self, ended_as="settled", waiting=False)
            case SettlementHeld():
                return replace(self, on_hold=True)
            case SettlementResumed():
                return replace(self, on_hold=False, overdue=False)
            case TimerFired():
                return replace(self, overdue=self.on_hold and self.waiting)
            case RefusedCommand(command=SettleTrade(), code=SettlementOnHold.code):
                return replace(self, overdue=True)
            case RefusedCommand() | CompensationRequested() | FreezeRefused():
                return self
            case _:
                assert_never(event)

    def _add_fills(self, fills: tuple[Fill, ...], more: int) -> Self:
        newest = max(self.executed_at, *(fill.at for fill in fills))
        return replace(self, executed_at=newest, filled=self.filled + more)

    def _update_waiting(self, done: bool) -> Self:
        """Set `waiting`: a trade waits for its settlement if nothing is open and at least one fill is valid."""
        waiting = (done or self.closed) and self.filled > 0
        return replace(self, waiting=waiting, reopened=not waiting and (self.waiting or self.reopened))

    def _steps_after_fills(self, after: Self) -> list[SagaAction]:
        if after.waiting:
            return [*([] if self.waiting or self.closed else self._release_limit()), *self._start_timer(after)]
        return [CancelTimer(SETTLEMENT_TIMER)] if self.waiting else []

    def _freeze_again(self, after: Self, left: Decimal, was: Fill) -> list[SagaAction]:
        """Freeze the open quantity of a reopened trade, at the limit price or at the price of the removed fill."""
        if self.instrument is None or not self.waiting or after.waiting or not left:
            return []
        amount = rounded_notional(left, self.limit_price or was.price)
        code, currency = self.instrument.code, self.instrument.currency
        return [FreezeAmount(self.account_id, self.trade_id, code, currency, amount)]

    def _start_timer(self, after: Self) -> list[SagaAction]:
        return [StartTimer(SETTLEMENT_TIMER, due=after.settles_at)] if after.waiting else []

    def _release_limit(self) -> list[SagaAction]:
        return [ReleaseAmount(self.account_id, self.trade_id)]

    def _settle(self) -> SettleTrade:
        """The command to settle. The value date is the due date, even if the settlement is late."""
        zone = CALENDARS[self.instrument.calendar].zone if self.instrument else UTC
        return SettleTrade(self.trade_id, self.settles_at.astimezone(zone).date())
