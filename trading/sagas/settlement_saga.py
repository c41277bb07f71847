"""Settlement: a trade that is done settles some business days later, unless it is opened again, held, or settled early.

What a trade had frozen of its account's limits is released as soon as nothing of it is open any more. A trade that is
opened again freezes what is open again; if there is not so much left of a limit, what is open is cancelled.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Event, Meta
from eventshop.core.saga import CompensationAsked, Refused, Saga, Step, StopWaiting, TimedOut, Wait
from trading.domain.business_days import CALENDARS, settles_at
from trading.domain.commands import CancelTrade, FreezeAmount, HoldSettlement, ReleaseAmount, SettleTrade, amount_of
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

SETTLEMENT: Final = "settlement"
#: A settlement that was refused is tried again after this.
AGAIN_AFTER: Final = timedelta(hours=1)
#: A trade that was recorded so long after it happened is history (an import): it has settled long ago.
HISTORY_AFTER: Final = timedelta(hours=1)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

SettlementHears: TypeAlias = (
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
    | Refused
    | TimedOut
    | CompensationAsked
)


class Settlement(Saga[SettlementHears], frozen=True):
    """One trade on its way from submission to settlement."""

    kind: ClassVar[str] = "trade-settlement"

    trade_id: UUID = UUID(int=0)
    account_id: UUID = UUID(int=0)
    instrument: Instrument | None = None
    limit_price: Decimal | None = None
    executed_at: datetime = _NEVER  # the latest fill's time
    filled: int = 0  # fills that stand
    closed: bool = False  # cancelled: nothing more can be filled
    waiting: bool = False  # for its day
    on_hold: bool = False
    overdue: bool = False  # its day came while it was on hold
    reopened: bool = False  # it had been done, and what is open is frozen again
    ended_as: str = ""

    @staticmethod
    def subject_of(event: TradeSubmitted | TradeExecuted | FreezeRefused) -> UUID:
        return event.trade_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return isinstance(event, TradeSubmitted) and meta.recorded_at - meta.occurred_at < HISTORY_AFTER

    @property
    def ended(self) -> bool:
        return bool(self.ended_as)

    @property
    def due(self) -> datetime:
        """When it settles."""
        it = self.instrument
        return settles_at(it.calendar, self.executed_at, it.settlement_days) if it else _NEVER

    def react(self, heard: SettlementHears) -> list[Step]:
        after = self.evolve(heard)
        match heard:
            case TradeExecuted():
                return self._done_or_open(after)
            case TradeCorrected(was=was, open=left) | TradeBusted(was=was, open=left):
                return [*self._done_or_open(after), *self._frozen_again(after, left, was)]
            case FreezeRefused(limit=limit) if self.reopened:
                return [CancelTrade(self.trade_id, f"opened again, and too little left of the limit {limit}")]
            case TradeCancelled():
                return [*self._released(), *self._wait(after)]
            case TradeRejected():
                return self._released()
            case TimedOut() if after.overdue:
                return []
            case TimedOut() if self.waiting:
                return [self._settle()]
            case SettlementResumed() if self.overdue and self.waiting:
                return [self._settle()]
            case TradeSettled():
                return [StopWaiting(SETTLEMENT)]
            case Refused(command=SettleTrade(), code=code) if code != SettlementOnHold.code and self.waiting:
                return [Wait(SETTLEMENT, after=AGAIN_AFTER)]
            case CompensationAsked(reason=reason) if not self.ended:
                return [HoldSettlement(self.trade_id, reason)]
            case TradeSubmitted() | SettlementHeld() | SettlementResumed() | FreezeRefused():
                return []
            case TimedOut() | Refused() | CompensationAsked():
                return []  # a hold is told by its own event; an account that has nothing frozen has nothing to release
            case _:
                assert_never(heard)

    def evolve(self, heard: SettlementHears) -> Self:
        match heard:
            case TradeSubmitted() as it:
                start = replace(self, trade_id=it.trade_id, account_id=it.account_id)
                return replace(start, instrument=it.instrument, limit_price=it.limit_price)
            case TradeExecuted(fills=fills, open=left):
                return self._filled(fills, len(fills))._waiting(not left)
            case TradeCorrected(now=now, open=left):
                return self._filled((now,), 0)._waiting(not left)
            case TradeBusted(open=left):
                return replace(self, filled=self.filled - 1)._waiting(not left)
            case TradeCancelled():
                after = replace(self, closed=True)._waiting(True)
                return after if after.filled else replace(after, ended_as="cancelled")
            case TradeRejected():
                return replace(self, ended_as="rejected")
            case TradeSettled():
                return replace(self, ended_as="settled", waiting=False)
            case SettlementHeld():
                return replace(self, on_hold=True)
            case SettlementResumed():
                return replace(self, on_hold=False, overdue=False)
            case TimedOut():
                return replace(self, overdue=self.on_hold and self.waiting)
            case Refused(command=SettleTrade(), code=SettlementOnHold.code):
                return replace(self, overdue=True)
            case Refused() | CompensationAsked() | FreezeRefused():
                return self
            case _:
                assert_never(heard)

    def _filled(self, fills: tuple[Fill, ...], more: int) -> Self:
        newest = max(self.executed_at, *(fill.at for fill in fills))
        return replace(self, executed_at=newest, filled=self.filled + more)

    def _waiting(self, done: bool) -> Self:
        """Whether it waits for its day: nothing is open, and something was filled."""
        waiting = (done or self.closed) and self.filled > 0
        return replace(self, waiting=waiting, reopened=not waiting and (self.waiting or self.reopened))

    def _done_or_open(self, after: Self) -> list[Step]:
        if after.waiting:
            return [*([] if self.waiting or self.closed else self._released()), *self._wait(after)]
        return [StopWaiting(SETTLEMENT)] if self.waiting else []

    def _frozen_again(self, after: Self, left: Decimal, was: Fill) -> list[Step]:
        """What is open, at the limit price or at that of the fill that was taken out."""
        if self.instrument is None or not self.waiting or after.waiting or not left:
            return []
        amount = amount_of(left, self.limit_price or was.price)
        code, currency = self.instrument.code, self.instrument.currency
        return [FreezeAmount(self.account_id, self.trade_id, code, currency, amount)]

    def _wait(self, after: Self) -> list[Step]:
        return [Wait(SETTLEMENT, due=after.due)] if after.waiting else []

    def _released(self) -> list[Step]:
        return [ReleaseAmount(self.account_id, self.trade_id)]

    def _settle(self) -> SettleTrade:
        """Its value date is the day it was due, however late it comes to it."""
        zone = CALENDARS[self.instrument.calendar].zone if self.instrument else UTC
        return SettleTrade(self.trade_id, self.due.astimezone(zone).date())
