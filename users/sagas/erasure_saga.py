"""The erasure saga: wait for the end of the cooling-off period and of every erasure blocker, then erase the data."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Meta
from eventshop.core.saga import CancelTimer, RefusedCommand, Saga, SagaAction, StartTimer, TimerFired
from users.domain.commands import BeginErasure
from users.domain.errors import OnLegalHold
from users.domain.events import ErasureBegun, ErasureCancelled, ErasureRequested
from users.sagas.erasure_effects import EraseTraces, GroundsFound, LookForGrounds, TracesErased
from users.sagas.person import person_of

COOLING_OFF: Final = "cooling-off"
#: The interval between checks for erasure blockers.
RECHECK_AFTER: Final = timedelta(days=1)

ErasureInput: TypeAlias = (
    ErasureRequested | ErasureCancelled | ErasureBegun | GroundsFound | TracesErased | RefusedCommand | TimerFired
)


class ErasureStage(StrEnum):
    """Progress of one erasure."""

    NEW = "NEW"
    WAITING = "WAITING"  # for the end of the cooling-off period or of the erasure blockers
    ERASING = "ERASING"
    STAYED = "STAYED"  # the person cancelled the request
    GONE = "GONE"  # the data is erased and certified


class ErasureSaga(Saga[ErasureInput], frozen=True):
    """The erasure of one person's data (Art. 17 GDPR)."""

    kind: ClassVar[str] = "erasure"

    stage: ErasureStage = ErasureStage.NEW
    user_id: UUID = UUID(int=0)
    due_at: datetime | None = None

    subject_of = staticmethod(person_of)

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        return isinstance(event, ErasureRequested)

    @property
    def ended(self) -> bool:
        return self.stage in (ErasureStage.STAYED, ErasureStage.GONE)

    def react(self, event: ErasureInput) -> list[SagaAction]:
        match event:
            case ErasureRequested(due_at=due):
                return [StartTimer(COOLING_OFF, due=due)]
            case ErasureCancelled():
                return [CancelTimer(COOLING_OFF)]
            case TimerFired() if self.stage is ErasureStage.WAITING:
                return [LookForGrounds(self.user_id)]
            case GroundsFound(reasons=()) if self.stage is ErasureStage.WAITING and self.due_at is not None:
                return [BeginErasure(self.user_id, at=self.due_at)]
            case GroundsFound() if self.stage is ErasureStage.WAITING:
                return [StartTimer(COOLING_OFF, after=RECHECK_AFTER)]
            case RefusedCommand(code=OnLegalHold.code) if self.stage is ErasureStage.WAITING:
                return [StartTimer(COOLING_OFF, after=RECHECK_AFTER)]
            case ErasureBegun():
                return [EraseTraces(self.user_id)]
            case TimerFired() | GroundsFound() | RefusedCommand() | TracesErased():
                return []
            case _:
                assert_never(event)

    def evolve(self, event: ErasureInput) -> Self:
        match event:
            case ErasureRequested(user_id=user_id, due_at=due):
                return replace(self, stage=ErasureStage.WAITING, user_id=user_id, due_at=due)
            case ErasureCancelled():
                return replace(self, stage=ErasureStage.STAYED, due_at=None)
            case ErasureBegun():
                return replace(self, stage=ErasureStage.ERASING)
            case TracesErased():
                return replace(self, stage=ErasureStage.GONE)
            case TimerFired() | GroundsFound() | RefusedCommand():
                return self
            case _:
                assert_never(event)
