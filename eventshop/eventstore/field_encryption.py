"""Encryption of personal fields: encrypted before an event is stored, decrypted when it is read.

The event store defines the interfaces; `eventshop.privacy` implements them and installs its cipher at start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from uuid import UUID

import msgspec
from django.db import transaction
from msgspec import Struct

from eventshop.core.errors import BrokenStream, CommandRefused, EventShopError, ProgramTooOld, Tampered
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event
from eventshop.core.personal_fields import PersonalField
from eventshop.core.port import Port
from eventshop.core.serialization import decode_event, upcast_event
from eventshop.core.upcasting import EventReader

#: The beginning of every encrypted value, in JSON.
CIPHERTEXT_MARK: Final = '"e1.'
#: The beginning of an encrypted state; no JSON text begins with it.
ENCRYPTED_STATE_PREFIX: Final = "e1."
#: Identifies a key: the person and the purpose.
KeyId: TypeAlias = tuple[UUID, str]


class FieldContext(NamedTuple):
    """The event that a value belongs to; authenticated with the ciphertext (AAD), so that it cannot be moved."""

    aggregate_id: UUID
    version: int
    event_type: str
    schema_version: int


class UniqueValueClaim(NamedTuple):
    """A value that an event claims for one person or aggregate; it is refused to any other, with `error` if given."""

    kind: str
    value: str
    subject: UUID
    error: CommandRefused | None = None


class EncryptionSession(Protocol):
    """The keys used by one write, loaded or new. Raises `PersonErased` for an erased person."""

    def look_up_keys(self, messages: Iterable[tuple[Struct, Sequence[PersonalField], UUID]]) -> None:
        """Look up the keys that messages (with their personal fields and aggregates) will need, all at once."""
        ...

    def replace_with_digests(
        self, message: Struct, payload: bytes, fields: Sequence[PersonalField], aggregate_id: UUID
    ) -> bytes:
        """Return the payload with keyed digests in place of personal values, as input of the payload hash."""
        ...

    def encrypt_fields(
        self, event: Event, payload: bytes, fields: Sequence[PersonalField], context: FieldContext
    ) -> bytes:
        """Return the payload with ciphertext in place of personal values."""
        ...

    def open_child(self) -> EncryptionSession:
        """Return a session for one command of a batch, which may be refused without the others."""
        ...

    def has_unsaved_keys(self) -> bool:
        """Whether the session holds a key that is not stored yet."""
        ...

    def accept_claims(self, claims: Sequence[UniqueValueClaim]) -> None:
        """Confirm that the encrypted events will be appended, and store their claims.

        Raises `AlreadyTaken`, or the error of the claim.
        """
        ...

    def save_keys(self) -> None:
        """Store the new keys; raises `ConcurrencyConflict` when a person was erased or got a key meanwhile."""
        ...


class FieldCipher(Protocol):
    """The interface that `eventshop.privacy` implements."""

    def open_session(self) -> EncryptionSession: ...

    def decrypt_fields(self, payload: str, fields: Sequence[PersonalField], context: FieldContext) -> bytes | str:
        """Return the decrypted payload, with `Redacted` where a key was destroyed; raises `Tampered`."""
        ...

    def key_ids(self, payload: str, fields: Sequence[PersonalField], context: FieldContext) -> Collection[KeyId]:
        """Return the ids of the keys of an event's personal values, destroyed keys included."""
        ...

    def load_keys(self, key_ids: Collection[KeyId]) -> None:
        """Load keys into memory that will be needed soon, in one statement."""
        ...

    def encrypt_state(self, state: str, key_ids: Collection[KeyId], aggregate_id: UUID, version: int) -> str | None: ...
    def decrypt_state(self, ciphertext: str, aggregate_id: UUID, version: int) -> str | None: ...
    def key_ids_of_state(self, ciphertext: str) -> Collection[KeyId]: ...
    def any_key_missing(self, key_ids: Collection[KeyId]) -> bool: ...


field_cipher: Final = Port[FieldCipher]("field cipher")


def open_session() -> EncryptionSession:
    return field_cipher.get().open_session()


def open_shared_session(registry: MessageRegistry, commands: Iterable[Command]) -> EncryptionSession | None:
    """Return one session for a batch of commands, or None if none of them involves personal data."""
    commands = list(commands)
    if not any(registry.command_involves_personal_data(command_class) for command_class in set(map(type, commands))):
        return None
    session = open_session()
    with suppress(AttributeError, TypeError, ValueError):  # an invalid command, which is refused when it is prepared
        session.look_up_keys(
            (command, fields, registry.aggregate_of(type(command)).id_of(command))
            for command in commands
            if (fields := registry.personal_fields_of(type(command)))
        )
    return session


def read_event(registry: MessageRegistry, payload: str, context: FieldContext) -> Event:
    """Decode a stored event: decrypted and upcast; raises `ProgramTooOld`, `BrokenStream` or `Tampered`."""
    reader = registry.reader_for(context.event_type, context.schema_version)
    if reader.is_newer:
        raise ProgramTooOld(event_type=context.event_type, schema_version=context.schema_version)
    if not reader.personal_fields:
        return _decode(reader, payload)
    if CIPHERTEXT_MARK in payload:
        return _decode(reader, field_cipher.get().decrypt_fields(payload, reader.personal_fields, context))
    _refuse_plaintext(reader, payload, context)
    return _decode(reader, payload)


def _decode(reader: EventReader, payload: bytes | str) -> Event:
    if reader.upcasters:
        return upcast_event(reader.event_class, reader.upcasters, payload)
    return decode_event(reader.event_class, payload)


def _refuse_plaintext(reader: EventReader, payload: str, context: FieldContext) -> None:
    """Raise `Tampered` when a personal value is plaintext although its schema version is stored encrypted."""
    encrypted_fields = [field for field in reader.personal_fields if context.schema_version >= field.since]
    if not encrypted_fields:
        return
    values = _decode_values(payload, context)
    for field in encrypted_fields:
        if values.get(field.name) not in (None, ""):
            raise Tampered(event=context.event_type, field=field.name, why="it is not encrypted")


def _decode_values(payload: str, context: FieldContext) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{context.event_type}: {error}", event=context.event_type) from error


def key_ids_of_event(payload: str, fields: Sequence[PersonalField], context: FieldContext) -> Collection[KeyId]:
    """The keys of the personal values that an event has, whether they are still there or not."""
    return field_cipher.get().key_ids(payload, fields, context)


def load_keys_of_events(registry: MessageRegistry, events: Iterable[tuple[type[Event], str, FieldContext]]) -> None:
    """Load the keys of a batch of events (type, payload, context) at once, so that reading them needs no query each."""
    names: set[KeyId] = set()
    for event_class, payload, context in events:
        if CIPHERTEXT_MARK in payload and (fields := registry.personal_fields_of(event_class)):
            with suppress(BrokenStream):  # reading this event raises it again
                names.update(key_ids_of_event(payload, fields, context))
    with suppress(EventShopError):  # a key that cannot be used is an error of the event that needs it
        if names:
            field_cipher.get().load_keys(names)


def encrypt_state(state: str, key_ids: Collection[KeyId], aggregate_id: UUID, version: int) -> str | None:
    """Encrypt a state so that decryption needs every one of these keys; None when one was destroyed already."""
    return field_cipher.get().encrypt_state(state, key_ids, aggregate_id, version)


def decrypt_state(ciphertext: str, aggregate_id: UUID, version: int) -> str | None:
    """Return the state; None when a key was destroyed, or when the text belongs to another stream or version."""
    return field_cipher.get().decrypt_state(ciphertext, aggregate_id, version)


def key_ids_of_state(ciphertext: str) -> Collection[KeyId]:
    return field_cipher.get().key_ids_of_state(ciphertext)


def any_key_missing(key_ids: Collection[KeyId]) -> bool:
    """Whether at least one of these keys was destroyed."""
    return bool(key_ids) and field_cipher.get().any_key_missing(key_ids)


def unique_claims_of(event: Event, fields: Sequence[PersonalField], aggregate_id: UUID) -> list[UniqueValueClaim]:
    return [
        UniqueValueClaim(field.unique, value, getattr(event, field.of) or aggregate_id)
        for field in fields
        if field.unique and (value := getattr(event, field.name))
    ]


@contextmanager
def save_keys_and_claims(session: EncryptionSession | None, claims: Sequence[UniqueValueClaim] = ()) -> Iterator[None]:
    """Store new keys and claims in one transaction with the append in the enclosed block."""
    if session is None or not (claims or session.has_unsaved_keys()):
        yield
        return
    with transaction.atomic():
        session.accept_claims(claims)
        session.save_keys()
        yield
