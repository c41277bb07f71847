"""Field encryption: AES-256-GCM under the key of person and purpose, bound to the field's context.

A value is stored as `e1.` followed by the base64 of the nonce and the ciphertext of its JSON. The additional
authenticated data (AAD) are stream, version, event type, field, person and purpose, so a ciphertext that was moved to
another event, field or person cannot be decrypted. An empty text is not personal data and is not encrypted.
"""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, Iterable, Sequence
from hmac import digest
from typing import Any, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from msgspec import Raw, Struct

from eventshop.core.errors import AlreadyTaken, BrokenStream, PersonErased, Tampered
from eventshop.core.messages import Event
from eventshop.core.personal_fields import PersonalField, Redacted
from eventshop.eventstore.event_append import ConcurrencyConflict
from eventshop.eventstore.field_encryption import CIPHERTEXT_MARK, EncryptionSession, FieldContext, UniqueValueClaim
from eventshop.privacy import blind_index
from eventshop.privacy.encryption import personal_keys, state_cipher
from eventshop.privacy.encryption.key_wrapping import NONCE_BYTES
from eventshop.privacy.encryption.personal_keys import KeyName, PersonalDataKey

_MARK: Final = CIPHERTEXT_MARK.encode()
_EMPTY: Final = (b'""', b"null")
#: In place of a free text that was written, or copied from another event, after the person was erased.
_LEFT_OUT: Final = _MARK + b'erased"'

_encode: Final = msgspec.json.Encoder().encode
_decode_raw: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode


class AesGcmCipher:
    """The event store's cipher, with personal keys from the keys database."""

    def open_session(self) -> EncryptionSession:
        return AesGcmSession()

    def decrypt_fields(self, payload: str, fields: Sequence[PersonalField], context: FieldContext) -> bytes:
        values = _decode_payload(payload, context)
        for field in fields:
            stored = values.get(field.name)
            if stored is None or context.schema_version < field.since or bytes(stored) in _EMPTY:
                continue
            subject = _subject_of_payload(values, field, context.aggregate_id)
            values[field.name] = Raw(_decrypt(bytes(stored), field, subject, context))
        return _encode(values)

    def key_ids(self, payload: str, fields: Sequence[PersonalField], context: FieldContext) -> set[KeyName]:
        values = _decode_payload(payload, context)
        encrypted_fields = [
            field
            for field in fields
            if field.name in values
            and context.schema_version >= field.since
            and bytes(values[field.name]) not in (*_EMPTY, _LEFT_OUT)
        ]
        return {(_subject_of_payload(values, field, context.aggregate_id), field.purpose) for field in encrypted_fields}

    def load_keys(self, names: Collection[KeyName]) -> None:
        personal_keys.load_missing_keys(names)

    def encrypt_state(self, state: str, names: Collection[KeyName], aggregate_id: UUID, version: int) -> str | None:
        return state_cipher.encrypt_state(state, names, aggregate_id, version)

    def decrypt_state(self, ciphertext: str, aggregate_id: UUID, version: int) -> str | None:
        return state_cipher.decrypt_state(ciphertext, aggregate_id, version)

    def key_ids_of_state(self, ciphertext: str) -> Collection[KeyName]:
        return state_cipher.key_names_of(ciphertext)

    def any_key_missing(self, names: Collection[KeyName]) -> bool:
        return any(personal_keys.find_key(name) is None for name in names)


class AesGcmSession:
    """The keys of one write. A new key is stored with what it encrypts, so that a refused command leaves none."""

    def __init__(self, parent: AesGcmSession | None = None) -> None:
        # The commands of one batch share new keys. Only the keys of accepted commands are saved.
        self._new_keys: dict[KeyName, PersonalDataKey] = {} if parent is None else parent._new_keys
        self._accepted_keys: dict[KeyName, PersonalDataKey] = {} if parent is None else parent._accepted_keys
        self._pending_keys: dict[KeyName, PersonalDataKey] = {}
        # The subjects whose stored keys were all looked up at once, with what was found.
        self._looked_up: dict[UUID, dict[KeyName, PersonalDataKey]] = {} if parent is None else parent._looked_up

    def look_up_keys(self, messages: Iterable[tuple[Struct, Sequence[PersonalField], UUID]]) -> None:
        subjects = {
            _subject_of_message(message, field, aggregate_id)
            for message, fields, aggregate_id in messages
            for field in fields
            if getattr(message, field.name)
        }
        if not all(isinstance(subject, UUID) for subject in subjects):
            raise TypeError("the id of a person or an aggregate is a UUID")
        if len(subjects) > 1:
            self._looked_up.update((subject, {}) for subject in subjects)
            for name, key in personal_keys.load_keys(subjects).items():
                self._looked_up[name[0]][name] = key

    def open_child(self) -> AesGcmSession:
        return AesGcmSession(self)

    def replace_with_digests(
        self, message: Struct, payload: bytes, fields: Sequence[PersonalField], aggregate_id: UUID
    ) -> bytes:
        values = _decode_raw(payload)
        fields_by_key: dict[KeyName, list[str]] = {}
        for field in fields:
            if bytes(values[field.name]) not in _EMPTY:
                fields_by_key.setdefault((_subject_of_message(message, field, aggregate_id), field.purpose), []).append(
                    field.name
                )
        free_texts = {field.name for field in fields if field.free_text}
        for name, field_names in fields_by_key.items():
            # One digest for all values under a key; as JSON, the values are delimited unambiguously.
            content = _encode({field: values.pop(field) for field in field_names})
            try:
                text = digest(self._key(name).fingerprint_key, content, "sha256")
            except PersonErased:
                if not free_texts.issuperset(field_names):
                    raise
                text = b""  # its event is stored without the text
            values[",".join(field_names)] = Raw(_encode(text))
        return _encode(values)

    def encrypt_fields(
        self, event: Event, payload: bytes, fields: Sequence[PersonalField], context: FieldContext
    ) -> bytes:
        if not any(getattr(event, field.name) for field in fields):
            return payload
        values = _decode_raw(payload)
        nonces = os.urandom(NONCE_BYTES * len(fields))  # one system call for all fields
        for number, field in enumerate(fields):
            value = bytes(values[field.name])
            if value in _EMPTY:
                continue
            if isinstance(getattr(event, field.name), Redacted):
                values[field.name] = Raw(_LEFT_OUT)
                continue
            subject = _subject_of_message(event, field, context.aggregate_id)
            nonce = nonces[number * NONCE_BYTES :][:NONCE_BYTES]
            try:
                key = self._key((subject, field.purpose))
            except PersonErased:
                if not field.free_text:
                    raise
                values[field.name] = Raw(_LEFT_OUT)
            else:
                values[field.name] = _encrypt(key, nonce, value, field, subject, context)
        return _encode(values)

    def has_unsaved_keys(self) -> bool:
        return any(not key.is_stored for key in self._pending_keys.values())

    def accept_claims(self, claims: Sequence[UniqueValueClaim]) -> None:
        for kind, value, subject, error in claims:
            try:
                blind_index.claim_value(kind, value, subject)
            except AlreadyTaken:
                if error is None:
                    raise
                raise error from None
        self._accepted_keys.update(self._pending_keys)

    def save_keys(self) -> None:
        new_keys = [(name, key) for name, key in self._accepted_keys.items() if not key.is_stored]
        try:
            stored = not new_keys or personal_keys.store_keys(new_keys)
        except PersonErased as error:  # a moment ago: on the retry only that person's command is refused
            raise ConcurrencyConflict("a person was erased meanwhile") from error
        if not stored:
            raise ConcurrencyConflict("another writer created this person's key first")

    def _key(self, name: KeyName) -> PersonalDataKey:
        key = self._pending_keys.get(name)
        if key is None:
            key = self._new_keys.get(name) or self._find_key(name)
            if key is None:
                key = self._new_keys[name] = personal_keys.generate_key()
            self._pending_keys[name] = key
        return key

    def _find_key(self, name: KeyName) -> PersonalDataKey | None:
        found = self._looked_up.get(name[0])
        return personal_keys.find_key_for_writing(name) if found is None else personal_keys.key_for_writing(name, found)


def _encrypt(
    key: PersonalDataKey, nonce: bytes, value: bytes, field: PersonalField, subject: UUID, context: FieldContext
) -> Raw:
    ciphertext = key.aead.encrypt(nonce, value, _associated_data(field, subject, context))
    return Raw(_MARK + b2a_base64(nonce + ciphertext, newline=False) + b'"')


def _decrypt(stored: bytes, field: PersonalField, subject: UUID, context: FieldContext) -> bytes:
    if stored == _LEFT_OUT:
        return _redacted(field)
    if not stored.startswith(_MARK):
        raise Tampered(event=context.event_type, field=field.name, why="it is not encrypted")
    key = personal_keys.find_key((subject, field.purpose))
    if key is None:
        return _redacted(field)
    try:
        sealed = a2b_base64(stored[len(_MARK) : -1], strict_mode=True)
        return key.aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _associated_data(field, subject, context))
    except (InvalidTag, ValueError):
        if key.is_successor:
            return _redacted(field)
        raise Tampered(event=context.event_type, field=field.name, person=subject) from None


def _redacted(field: PersonalField) -> bytes:
    return _encode(Redacted(field.purpose))


def _associated_data(field: PersonalField, subject: UUID, context: FieldContext) -> bytes:
    description = f"{context.version}:{context.event_type}:{field.name}:{field.purpose}"
    return context.aggregate_id.bytes + subject.bytes + description.encode()


def _decode_payload(payload: str, context: FieldContext) -> dict[str, Raw]:
    try:
        return _decode_raw(payload)
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{context.event_type}: {error}", event=context.event_type) from error


def _subject_of_message(message: Any, field: PersonalField, aggregate_id: UUID) -> UUID:
    """The person that a value is about; without one (a guest's order), the aggregate."""
    return getattr(message, field.of, None) or aggregate_id


def _subject_of_payload(values: dict[str, Raw], field: PersonalField, aggregate_id: UUID) -> UUID:
    named = values.get(field.of)
    return aggregate_id if named is None or bytes(named) == b"null" else UUID(_decode_text(named))
