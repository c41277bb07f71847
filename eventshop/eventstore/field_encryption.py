"""Where personal fields become ciphertext on their way into the store, and text again on their way out.

The cipher is installed by `eventshop.privacy`; the store only says where in its work something has to be kept secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import msgspec
from django.db import transaction
from msgspec import Struct

from eventshop.core.errors import BrokenStream, RegistryError, Tampered
from eventshop.core.message_registry import Registry
from eventshop.core.messages import Command, Event
from eventshop.core.personal_fields import PersonalField
from eventshop.core.serialization import decode_event, upcast_event
from eventshop.core.upcasting import Reader

#: How every encrypted value begins, in JSON.
MARK: Final = '"e1.'
#: How a state begins that holds personal data; no JSON does.
SEALED: Final = "e1."
#: Whose key, and for which purpose.
Name: TypeAlias = tuple[UUID, str]


class Place(NamedTuple):
    """Which event a value belongs to: a stream has one event of each version."""

    aggregate_id: UUID
    version: int
    event_type: str
    schema_version: int


class Claimed(NamedTuple):
    """A value that an event gives to one person alone."""

    kind: str
    value: str
    subject: UUID


class Session(Protocol):
    """The keys that one write needs, those found and those that it makes. Raises `PersonErased` for the erased."""

    def hidden(self, message: Struct, payload: bytes, fields: Sequence[PersonalField], aggregate_id: UUID) -> bytes:
        """The payload with digests in place of personal values: what a fingerprint may be made of."""
        ...

    def sealed(self, event: Event, payload: bytes, fields: Sequence[PersonalField], place: Place) -> bytes:
        """The payload with ciphertext in place of personal values."""
        ...

    def part(self) -> Session:
        """For one of several commands that are written together: it may be refused alone."""
        ...

    def unsaved(self) -> bool:
        """Whether it needs a key that is not stored yet."""
        ...

    def accept(self, claimed: Sequence[Claimed]) -> None:
        """What was sealed will be appended: give values to their persons; raises `AlreadyTaken`."""
        ...

    def save(self) -> None:
        """Store the keys that accepted events need; raises `Raced` when a person was erased or got a key meanwhile."""
        ...


class Cipher(Protocol):
    """What the store asks of `eventshop.privacy`."""

    def session(self) -> Session: ...

    def opened(self, payload: str, fields: Sequence[PersonalField], place: Place) -> bytes | str:
        """The payload in clear, `Redacted` where a key is gone; raises `Tampered`."""
        ...

    def names(self, payload: str, fields: Sequence[PersonalField], place: Place) -> Collection[Name]:
        """The keys of the personal values that an event has, whether they are still there or not."""
        ...

    def sealed_state(self, state: str, names: Collection[Name], aggregate_id: UUID, version: int) -> str | None: ...
    def opened_state(self, sealed: str, aggregate_id: UUID, version: int) -> str | None: ...
    def names_of_state(self, sealed: str) -> Collection[Name]: ...
    def any_gone(self, names: Collection[Name]) -> bool: ...


_installed: list[Cipher] = []


def install(cipher: Cipher) -> None:
    _installed[:] = [cipher]


def session() -> Session:
    return _cipher().session()


def shared(registry: Registry, commands: Iterable[Command]) -> Session | None:
    """One session for commands that are written together, if what they lead to can hold personal data."""
    kinds = {type(command) for command in commands}
    return session() if any(registry.keeps_personal(kind) for kind in kinds) else None


def read_event(registry: Registry, payload: str, place: Place) -> Event:
    """The event that a row holds, in today's shape; raises `UnknownName`, `BrokenStream` or `Tampered`."""
    reader = registry.reader(place.event_type, place.schema_version)
    if reader.newer:
        raise BrokenStream(
            f"{place.event_type}: stored by a later version of this program", schema_version=place.schema_version
        )
    if not reader.personal:
        return _decoded(reader, payload)
    if MARK in payload:
        return _decoded(reader, _cipher().opened(payload, reader.personal, place))
    _refuse_clear(reader, payload, place)
    return _decoded(reader, payload)


def _decoded(reader: Reader, payload: bytes | str) -> Event:
    if reader.upcasters:
        return upcast_event(reader.kind, reader.upcasters, payload)
    return decode_event(reader.kind, payload)


def _refuse_clear(reader: Reader, payload: str, place: Place) -> None:
    """Raises `Tampered` when a personal value that should be ciphertext can be read by everybody."""
    sealed = [field for field in reader.personal if place.schema_version >= field.since]
    if not sealed:
        return
    values = _values(payload, place)
    for field in sealed:
        if values.get(field.name):
            raise Tampered(event=place.event_type, field=field.name, why="it is not encrypted")


def _values(payload: str, place: Place) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{place.event_type}: {error}", event=place.event_type) from error


def names_of_event(payload: str, fields: Sequence[PersonalField], place: Place) -> Collection[Name]:
    """The keys of the personal values that an event has, whether they are still there or not."""
    return _cipher().names(payload, fields, place)


def seal_state(state: str, names: Collection[Name], aggregate_id: UUID, version: int) -> str | None:
    """A state that can be read only while all these keys are there; None when one is gone already."""
    return _cipher().sealed_state(state, names, aggregate_id, version)


def open_state(sealed: str, aggregate_id: UUID, version: int) -> str | None:
    """None when it cannot be read any more, or belongs elsewhere."""
    return _cipher().opened_state(sealed, aggregate_id, version)


def names_of_state(sealed: str) -> Collection[Name]:
    return _cipher().names_of_state(sealed)


def any_gone(names: Collection[Name]) -> bool:
    """Whether one of these keys is not there any more."""
    return bool(names) and _cipher().any_gone(names)


def claims_of(event: Event, fields: Sequence[PersonalField], aggregate_id: UUID) -> list[Claimed]:
    return [
        Claimed(field.unique, value, getattr(event, field.of) or aggregate_id)
        for field in fields
        if field.unique and (value := getattr(event, field.name))
    ]


@contextmanager
def kept(secrets: Session | None, claimed: Sequence[Claimed] = ()) -> Iterator[None]:
    """Around the append: new keys and claims are stored with the events that need them, or not at all."""
    if secrets is None or not (claimed or secrets.unsaved()):
        yield
        return
    with transaction.atomic():
        secrets.accept(claimed)
        secrets.save()
        yield


def _cipher() -> Cipher:
    if not _installed:
        raise RegistryError("personal data needs eventshop.privacy among the installed applications")
    return _installed[0]
