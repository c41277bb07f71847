"""Leaving for good: a time to change one's mind, then nothing that keeps the data, then everything is erased."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Meta
from eventshop.core.saga import Refused, Saga, Step, StopWaiting, TimedOut, Wait
from users.domain.commands import BeginErasure
from users.domain.errors import OnLegalHold
from users.domain.events import ErasureBegun, ErasureCancelled, ErasureRequested
from users.sagas.erasure_effects import EraseTraces, GroundsFound, LookForGrounds, TracesErased

COOLING_OFF: Final = "cooling-off"
#: When it is looked again for what kept the data.
LOOK_AGAIN: Final = timedelta(days=1)

LeavingHears: TypeAlias = (
    ErasureRequested | ErasureCancelled | ErasureBegun | GroundsFound | TracesErased | Refused | TimedOut
)


class Stage(StrEnum):
    """How far it has come."""

    NEW = "NEW"
    WAITING = "WAITING"  # for the end of the cooling-off, or of what keeps the data
    ERASING = "ERASING"
    STAYED = "STAYED"  # the person changed their mind
    GONE = "GONE"


class Leaving(Saga[LeavingHears], frozen=True):
    """One person's way out."""

    kind: ClassVar[str] = "erasure"

    stage: Stage = Stage.NEW
    user_id: UUID = UUID(int=0)
    due_at: datetime | None = None

    @staticmethod
    def subject_of(event: Any) -> UUID:
        user_id: UUID = event.user_id
        return user_id

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        return isinstance(event, ErasureRequested)

    @property
    def ended(self) -> bool:
        return self.stage in (Stage.STAYED, Stage.GONE)

    def react(self, heard: LeavingHears) -> list[Step]:
        match heard:
            case ErasureRequested(due_at=due):
                return [Wait(COOLING_OFF, due=due)]
            case ErasureCancelled():
                return [StopWaiting(COOLING_OFF)]
            case TimedOut() if self.stage is Stage.WAITING:
                return [LookForGrounds(self.user_id)]
            case GroundsFound(reasons=()) if self.stage is Stage.WAITING and self.due_at is not None:
                return [BeginErasure(self.user_id, at=self.due_at)]
            case GroundsFound() if self.stage is Stage.WAITING:
                return [Wait(COOLING_OFF, after=LOOK_AGAIN)]
            case Refused(code=OnLegalHold.code) if self.stage is Stage.WAITING:
                return [Wait(COOLING_OFF, after=LOOK_AGAIN)]
            case ErasureBegun():
                return [EraseTraces(self.user_id)]
            case TimedOut() | GroundsFound() | Refused() | TracesErased():
                return []
            case _:
                assert_never(heard)

    def evolve(self, heard: LeavingHears) -> Self:
        match heard:
            case ErasureRequested(user_id=user_id, due_at=due):
                return replace(self, stage=Stage.WAITING, user_id=user_id, due_at=due)
            case ErasureCancelled():
                return replace(self, stage=Stage.STAYED, due_at=None)
            case ErasureBegun():
                return replace(self, stage=Stage.ERASING)
            case TracesErased():
                return replace(self, stage=Stage.GONE)
            case TimedOut() | GroundsFound() | Refused():
                return self
            case _:
                assert_never(heard)
