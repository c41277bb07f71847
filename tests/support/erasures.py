"""Erases people as the program does it, without waiting; and reads what is left of a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone

from eventshop.eventstore.command_dispatcher import send
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure import erasure_job
from eventshop.privacy.models import Erasure
from users.application.customer_adapter import load_person
from users.domain.commands import BeginErasure, RequestErasure


def request_erasure(person: UUID) -> None:
    """Record that a person asked for their erasure, and that it has begun; nothing is erased yet."""
    now = timezone.now()
    send(RequestErasure(person, at=now, due_at=now))
    send(BeginErasure(person, at=now))


def erase_person(person: UUID) -> Erasure:
    """Ask for an erasure that is due at once, and carry it out."""
    request_erasure(person)
    erasure_job.start_erasure(person)
    return erasure_job.run_erasure(person)


def name_of(person: UUID) -> Any:
    """The name with which a person signed up, as it can be read now."""
    personal_keys.key_cache.clear()
    event: Any = load_person(person).events[0].event
    return event.name
