"""The consent expiry saga ends each consent on its expiry date by a timer, and erases what rested on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self, TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Meta
from eventshop.core.saga import CancelTimer, RefusedCommand, Saga, SagaAction, StartTimer, TimerFired
from users.domain.commands import ExpireConsent
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, DataErased
from users.domain.purposes import get_purpose
from users.sagas.erasure_effects import ConsentDataErased, EraseConsentData
from users.sagas.person import person_of

ConsentExpiryInput: TypeAlias = (
    ConsentGranted | ConsentWithdrawn | ConsentExpired | ConsentDataErased | DataErased | RefusedCommand | TimerFired
)


class ConsentExpirySaga(Saga[ConsentExpiryInput], frozen=True):
    """One person's consents and their expiry times. Each timer is named after its purpose."""

    kind: ClassVar[str] = "consent-terms"

    user_id: UUID = UUID(int=0)
    until: dict[str, datetime] = {}

    subject_of = staticmethod(person_of)

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        return isinstance(event, ConsentGranted)

    @property
    def ended(self) -> bool:
        return not self.until

    def react(self, event: ConsentExpiryInput) -> list[SagaAction]:
        match event:
            case ConsentGranted(purpose=term, expires_at=until):
                return [StartTimer(term, due=until)]
            case ConsentWithdrawn(user_id=user_id, purpose=term):
                return [CancelTimer(term), *_erase(user_id, term)]
            case ConsentExpired(user_id=user_id, purpose=term):
                return _erase(user_id, term)
            case TimerFired(name=term) if term in self.until:
                until = self.until[term]
                return [ExpireConsent(self.user_id, term, expires_at=until, at=until)]
            case DataErased():
                return [CancelTimer(term) for term in self.until]
            case TimerFired() | ConsentDataErased() | RefusedCommand():
                return []
            case _:
                assert_never(event)

    def evolve(self, event: ConsentExpiryInput) -> Self:
        match event:
            case ConsentGranted(user_id=user_id, purpose=term, expires_at=until):
                return replace(self, user_id=user_id, until={**self.until, term: until})
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term):
                return replace(self, until={name: until for name, until in self.until.items() if name != term})
            case DataErased():
                return replace(self, until={})
            case TimerFired() | ConsentDataErased() | RefusedCommand():
                return self
            case _:
                assert_never(event)


def _erase(user_id: UUID, term: str) -> list[SagaAction]:
    return [EraseConsentData(user_id, term)] if get_purpose(term).key else []
