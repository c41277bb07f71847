"""Handlers of the erasure in the users domain: its effects, its erasure steps, and its closing event."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import Envelope
from eventshop.core.saga import EffectResult
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.erasure import erasure_job, personal_data_holders
from eventshop.privacy.erasure.certificates import kept_data_of
from eventshop.privacy.erasure.erasure_job import erasure_command_id
from eventshop.privacy.models import Certificate, Erasure
from eventshop.projections.effects.worker import perform_effects
from eventshop.sagas.retention import forget_details
from users.application import accounts
from users.domain.commands import BeginErasure, EraseData, RequestErasure, UserCommand
from users.domain.events import Kept
from users.domain.user import Status, User
from users.sagas.erasure_effects import EraseTraces, GroundsFound, LookForGrounds, TracesErased


def find_erasure_blockers(effect: LookForGrounds, key: UUID) -> GroundsFound:
    return GroundsFound(tuple(ground.reason[:200] for ground in personal_data_holders.find_blockers(effect.user_id)))


def erase_personal_data(effect: EraseTraces, key: UUID) -> EffectResult:
    """Run the erasure job to its end. Whatever it raises makes the effect worker retry it later."""
    perform_effects(person=effect.user_id)  # the last letter: afterwards nobody knows the address
    erasure_job.start_erasure(effect.user_id)
    erasure_job.run_erasure(effect.user_id)
    return TracesErased(Certificate.objects.get(subject=effect.user_id).certificate_id)


def record_erasure(person: UUID, streams: Collection[UUID]) -> str:
    """Append `DataErased`, preceded by the erasure events that are missing after the restore of an old backup."""
    state = _load_user(person)
    receipts = [send(command, envelope=_envelope_for(person, command)) for command in _missing_commands(person, state)]
    return f"{sum(receipt.events for receipt in receipts)} events appended"


def _missing_commands(person: UUID, state: User) -> Iterator[UserCommand]:
    now = timezone.now()
    if state.status is Status.ACTIVE:
        yield RequestErasure(person, at=now, due_at=now, source="import")
    if state.status in (Status.ACTIVE, Status.LEAVING):
        yield BeginErasure(person, at=max(now, state.due_at or now))
    if state.status in (Status.ACTIVE, Status.LEAVING, Status.ERASING):
        purposes = erasure_job.purposes_of(Erasure.objects.get(pk=person))
        kept = tuple(Kept(item.what[:200], item.duty[:200], item.until) for item in kept_data_of(person, now.date()))
        yield EraseData(person, tuple(purposes), kept)


def _envelope_for(person: UUID, command: UserCommand) -> Envelope:
    """Derive the command id from the stream version: a retry repeats the id, a run after a restore has a new one."""
    version = StoredEvent.objects.filter(aggregate_id=person).count()
    return Envelope(erasure_command_id(person, f"{type(command).__name__} after {version}"), actor="erasure")


def _load_user(person: UUID) -> User:
    return User().evolve_all(recorded.event for recorded in store.get_event_stream(person))


def erase_saga_details(person: UUID, streams: Collection[UUID]) -> str:
    """The reasons of operators and the answers of others to finished sagas; the erasure's own saga is running."""
    deleted = forget_details([person, *streams])
    return f"{deleted.steps} steps and {deleted.messages} messages of {deleted.sagas} sagas removed"


def close_account(person: UUID, streams: Collection[UUID]) -> str:
    accounts.close(person)
    return "account closed, all sessions ended"


def has_consents(person: UUID) -> bool:
    return StoredEvent.objects.filter(aggregate_id=person, event_type="ConsentGranted").exists()
