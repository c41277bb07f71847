"""Who read what about a person, from the access log, in words for that person.

Staff are not named. The person learns that, when and through which door staff read, and can ask for a check; who it was
is for the controller to answer for, unless the identity is needed to exercise a right (CJEU, C-579/21).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.operations.access_log.subjects import accesses_about
from eventshop.operations.models import AccessRecord
from eventshop.operations.staff_actors import PREFIX

_Kind: Final = AccessRecord.Kind
_WHAT: Final = {
    _Kind.EVENTS: "the events",
    _Kind.STREAM: "the history",
    _Kind.STATE: "an earlier state",
    _Kind.TRACE: "the course",
    _Kind.EXPORT: "a copy",
    _Kind.PERSONAL: "name or contact details",
}


class Read(NamedTuple):
    """One read: its time, its kind and a sentence."""

    at: datetime
    kind: str
    text: str


def list_reads(person: UUID, limit: int) -> list[Read]:
    """The newest reads of the person's own stream and of their orders, accounts and trades."""
    return [Read(record.at, record.kind, _sentence(record, person)) for record in accesses_about(person)[:limit]]


def _sentence(record: AccessRecord, person: UUID) -> str:
    if record.actor == str(person):
        reader = "A program of yours" if record.program else "You"
    elif record.actor.startswith(PREFIX):
        reader = "A program of our staff" if record.program else "A member of our staff"
    else:
        reader = "Somebody who operates this shop"
    of = (
        "your account"
        if record.stream == person
        else f"an order, account or trade of yours (…{str(record.stream)[-8:]})"
    )
    return f"{reader} read {_WHAT.get(_Kind(record.kind), 'the record')} of {of}."
