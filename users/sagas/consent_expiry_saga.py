"""Consents end on their day, by a timer for each: nobody has to ask whether one still holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Meta
from eventshop.core.saga import Refused, Saga, Step, StopWaiting, TimedOut, Wait
from users.domain.commands import ExpireConsent
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, DataErased

TermsHear: TypeAlias = ConsentGranted | ConsentWithdrawn | ConsentExpired | DataErased | Refused | TimedOut


class ConsentTerms(Saga[TermsHear], frozen=True):
    """One person's consents, and until when each holds. A timer is known by its purpose."""

    kind: ClassVar[str] = "consent-terms"

    user_id: UUID = UUID(int=0)
    until: dict[str, datetime] = {}

    @staticmethod
    def subject_of(event: Any) -> UUID:
        user_id: UUID = event.user_id
        return user_id

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        return isinstance(event, ConsentGranted)

    @property
    def ended(self) -> bool:
        return not self.until

    def react(self, heard: TermsHear) -> list[Step]:
        match heard:
            case ConsentGranted(purpose=term, expires_at=until):
                return [Wait(term, due=until)]
            case ConsentWithdrawn(purpose=term):
                return [StopWaiting(term)]
            case TimedOut(name=term) if term in self.until:
                until = self.until[term]
                return [ExpireConsent(self.user_id, term, expires_at=until, at=until)]
            case DataErased():
                return [StopWaiting(term) for term in self.until]
            case TimedOut() | ConsentExpired() | Refused():
                return []
            case _:
                assert_never(heard)

    def evolve(self, heard: TermsHear) -> Self:
        match heard:
            case ConsentGranted(user_id=user_id, purpose=term, expires_at=until):
                return replace(self, user_id=user_id, until={**self.until, term: until})
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term):
                return replace(self, until={name: it for name, it in self.until.items() if name != term})
            case DataErased():
                return replace(self, until={})
            case TimedOut() | Refused():
                return self
            case _:
                assert_never(heard)
