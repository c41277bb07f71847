"""The same event with three personal fields and with three plain ones; and people to erase."""

from __future__ import annotations

import tempfile
from time import perf_counter
from typing import Annotated, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from benchmarks.measurement_process import measure_rate
from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Envelope, Event, NonEmptyText, new_id
from eventshop.core.personal_fields import Personal, Redacted
from eventshop.eventstore import command_dispatcher
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.privacy.erasure import certificates, erasure_job
from eventshop.privacy.models import Certificate
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from users.domain.commands import BeginErasure, ChangeContactDetails, CreateUser, RequestErasure

CONTACT: Final = Personal(of="person", purpose="contact")
VALUES: Final = ("ada.lovelace@example.org", "Augusta Ada King-Noel", "+44 20 7946 0001")


class RecordPersonalNote(Command, frozen=True):
    note_id: UUID
    person: UUID
    email: Annotated[NonEmptyText, CONTACT]
    name: Annotated[NonEmptyText, CONTACT]
    phone: Annotated[NonEmptyText, CONTACT]


class PersonalNoteRecorded(Event, frozen=True):
    note_id: UUID
    person: UUID
    email: Annotated[NonEmptyText | Redacted, CONTACT]
    name: Annotated[NonEmptyText | Redacted, CONTACT]
    phone: Annotated[NonEmptyText | Redacted, CONTACT]


class RecordPlainNote(Command, frozen=True):
    note_id: UUID
    person: UUID
    email: NonEmptyText
    name: NonEmptyText
    phone: NonEmptyText


class PlainNoteRecorded(Event, frozen=True):
    note_id: UUID
    person: UUID
    email: NonEmptyText
    name: NonEmptyText
    phone: NonEmptyText


class PersonalNote(Aggregate[RecordPersonalNote, PersonalNoteRecorded], frozen=True):
    @staticmethod
    def id_of(command: RecordPersonalNote) -> UUID:
        return command.note_id

    def decide(self, command: RecordPersonalNote) -> list[PersonalNoteRecorded]:
        return [PersonalNoteRecorded(command.note_id, command.person, command.email, command.name, command.phone)]

    def evolve(self, event: PersonalNoteRecorded) -> PersonalNote:
        return self


class PlainNote(Aggregate[RecordPlainNote, PlainNoteRecorded], frozen=True):
    @staticmethod
    def id_of(command: RecordPlainNote) -> UUID:
        return command.note_id

    def decide(self, command: RecordPlainNote) -> list[PlainNoteRecorded]:
        return [PlainNoteRecorded(command.note_id, command.person, command.email, command.name, command.phone)]

    def evolve(self, event: PlainNoteRecorded) -> PlainNote:
        return self


notes: Final = MessageRegistry()
notes.add(PersonalNote)
notes.add(PlainNote)


def record_notes(*, kind: str, seconds: float) -> dict[str, float]:
    """Commands with three fields: plain, personal of a person who has a key, or personal of a new person."""

    def once() -> None:
        command = RecordPlainNote if kind == "plain" else RecordPersonalNote
        command_dispatcher.send(command(new_id(), uuid4() if kind == "new" else UUID(int=1), *VALUES), registry=notes)

    once()
    return measure_rate(once, per_call=1, threads=1, seconds=seconds)


def create_person(*, events: int) -> dict[str, int]:
    """Create a person with this many events, and bring every read model up to date."""
    person = uuid4()
    email, name, phone = f"{person.hex}@example.org", *VALUES[1:]
    command_dispatcher.send(CreateUser(person, email, name, phone))
    changes = [
        (ChangeContactDetails(person, email, f"{name} {number}", phone), Envelope(new_id()))
        for number in range(events - 1)
    ]
    for start in range(0, len(changes), 500):
        command_dispatcher.send_many(changes[start : start + 500])
    ProjectionRunner(projection_registry.select([]), create_event_log()).catch_up()
    return {"person": person.int}


def erase_person(*, person: int) -> dict[str, float]:
    """Erase a person: the whole job after the cooling-off period."""
    settings.ERASURE_LIST = f"{tempfile.mkdtemp()}/erased.txt"
    person_id, now = UUID(int=person), timezone.now()
    command_dispatcher.send(RequestErasure(person_id, at=now, due_at=now))
    command_dispatcher.send(BeginErasure(person_id, at=now))
    started = perf_counter()
    erasure_job.start_erasure(person_id)
    erasure_job.run_erasure(person_id)
    seconds = perf_counter() - started
    searched = certificates.read_certificate(Certificate.objects.get(subject=person_id)).scan.looked_at
    return {"seconds": seconds, "waited": settings.KEY_CACHE_SECONDS, "searched": sum(searched.values())}
