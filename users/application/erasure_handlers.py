"""What erasing means to the users' domain: the event that says so, the account, and who carries out leaving."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import Envelope
from eventshop.core.saga import Answer
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.erasure import erasure_job, personal_data_holders
from eventshop.privacy.erasure.certificates import kept_for
from eventshop.privacy.erasure.erasure_job import command_id
from eventshop.privacy.models import Certificate, Erasure
from eventshop.sagas.saga_registry import Catalogue, catalogue
from users.application import accounts
from users.domain.commands import BeginErasure, EraseData, RequestErasure, UserCommand
from users.domain.events import Kept
from users.domain.user import Status, User
from users.sagas.consent_expiry_saga import ConsentTerms
from users.sagas.erasure_effects import EraseTraces, GroundsFound, LookForGrounds, TracesErased
from users.sagas.erasure_saga import Leaving


def look_for_grounds(effect: LookForGrounds, key: UUID) -> GroundsFound:
    return GroundsFound(tuple(ground.reason[:200] for ground in personal_data_holders.grounds(effect.user_id)))


def erase_traces(effect: EraseTraces, key: UUID) -> Answer:
    """Go on with the erasure until it is done; raises what it cannot get past, to be tried again."""
    erasure_job.begin(effect.user_id)
    erasure_job.go_on(effect.user_id)
    return TracesErased(Certificate.objects.get(subject=effect.user_id).certificate_id)


def record(person: UUID, streams: Collection[UUID]) -> str:
    """Append that the data is erased; after an old backup also what led to it and was lost with it."""
    state = _state(person)
    sent = [send(command, envelope=_envelope(person, command)) for command in _missing(person, state)]
    return f"{sum(receipt.events for receipt in sent)} events appended"


def _missing(person: UUID, state: User) -> Iterator[UserCommand]:
    now = timezone.now()
    if state.status is Status.ACTIVE:
        yield RequestErasure(person, at=now, due_at=now, source="import")
    if state.status in (Status.ACTIVE, Status.LEAVING):
        yield BeginErasure(person, at=max(now, state.due_at or now))
    if state.status in (Status.ACTIVE, Status.LEAVING, Status.ERASING):
        purposes = erasure_job.purposes_of(Erasure.objects.get(pk=person))
        kept = tuple(Kept(it.what[:200], it.duty[:200], it.until) for it in kept_for(person, now.date()))
        yield EraseData(person, tuple(purposes), kept)


def _envelope(person: UUID, command: UserCommand) -> Envelope:
    """Named after the place in the stream: sent again it is the same command, after a restore it is another one."""
    version = StoredEvent.objects.filter(aggregate_id=person).count()
    return Envelope(command_id(person, f"{type(command).__name__} after {version}"), actor="erasure")


def _state(person: UUID) -> User:
    return User().evolve_all(recorded.event for recorded in store.get_event_stream(person))


def close_account(person: UUID, streams: Collection[UUID]) -> str:
    accounts.close(person)
    return "closed, every session ended"


def has_consents(person: UUID) -> bool:
    return StoredEvent.objects.filter(aggregate_id=person, event_type="ConsentGranted").exists()


def register(sagas: Catalogue = catalogue) -> None:
    """The sagas of the users, who carries out their effects, and what every erasure does here."""
    sagas.add(Leaving)
    sagas.add(ConsentTerms)
    sagas.handle(LookForGrounds, look_for_grounds)
    sagas.handle(EraseTraces, erase_traces)
    personal_data_holders.erases("account", close_account)
    personal_data_holders.erases("events", record)
    personal_data_holders.has("consents", has_consents)
