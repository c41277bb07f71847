"""What erasing means to the users' domain: the event that says so, the account, and who carries out leaving."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from django.utils import timezone

from eventshop.core.message import Envelope
from eventshop.core.saga import Answer
from eventshop.privacy import erasing, reach
from eventshop.privacy.certificates import kept_for
from eventshop.privacy.erasing import command_id
from eventshop.privacy.models import Certificate, Erasure
from eventshop.process.catalogue import Catalogue, catalogue
from eventshop.store.dispatch import send
from eventshop.store.event_store import store
from eventshop.store.models import StoredEvent
from users import accounts
from users.commands import BeginErasure, EraseData, RequestErasure, UserCommand
from users.consent_terms import ConsentTerms
from users.effects import EraseTraces, GroundsFound, LookForGrounds, TracesErased
from users.events import Kept
from users.leaving import Leaving
from users.user import Status, User


def look_for_grounds(effect: LookForGrounds, key: UUID) -> GroundsFound:
    return GroundsFound(tuple(ground.reason[:200] for ground in reach.grounds(effect.user_id)))


def erase_traces(effect: EraseTraces, key: UUID) -> Answer:
    """Go on with the erasure until it is done; raises what it cannot get past, to be tried again."""
    erasing.begin(effect.user_id)
    erasing.go_on(effect.user_id)
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
        purposes = erasing.purposes_of(Erasure.objects.get(pk=person))
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
    reach.erases("account", close_account)
    reach.erases("events", record)
    reach.has("consents", has_consents)
