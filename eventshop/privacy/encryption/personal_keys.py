"""One key for each person and purpose: found, made, remembered for seconds, destroyed for ever."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable
from hmac import digest
from threading import Lock
from time import monotonic
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from eventshop.core.errors import PersonErased
from eventshop.privacy.encryption import key_wrapping
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure.erasure_locks import block_erasure_of, lock_for_erasure
from eventshop.privacy.models import ErasedPerson, PersonalKey

#: Keys in the memory of one process at most.
MAX_CACHED_KEYS: Final = 20_000


class PersonalDataKey:
    """A key ready to use. `stored` is false until the database has it."""

    __slots__ = ("aead", "fingerprint_key", "is_stored", "secret")

    def __init__(self, secret: bytes, *, is_stored: bool) -> None:
        self.secret = secret
        self.is_stored = is_stored
        self.aead = AESGCM(secret)
        self.fingerprint_key = digest(secret, b"fingerprints", "sha256")


KeyName = tuple[UUID, str]  # whose, and what for


class _KeyCache:
    """Keys by name, each for KEY_CACHE_SECONDS; the one not used for longest is forgotten first."""

    def __init__(self) -> None:
        self._keys: OrderedDict[KeyName, tuple[PersonalDataKey, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: KeyName) -> PersonalDataKey | None:
        entry = self._keys.get(name)
        return entry[0] if entry is not None and entry[1] > monotonic() else None

    def put(self, name: KeyName, key: PersonalDataKey) -> None:
        with self._lock:
            self._keys[name] = key, monotonic() + settings.KEY_CACHE_SECONDS
            self._keys.move_to_end(name)
            while len(self._keys) > MAX_CACHED_KEYS:
                self._keys.popitem(last=False)

    def forget(self, subject: UUID) -> None:
        with self._lock:
            for name in [name for name in self._keys if name[0] == subject]:
                del self._keys[name]

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()


key_cache: Final = _KeyCache()

#: Stands in memory for "this person is erased": so much, and no other absence, is for ever.
_ERASED_PURPOSE: Final = ""
_ERASED_MARKER: Final = PersonalDataKey(bytes(key_wrapping.KEY_BYTES), is_stored=True)


def find_key(name: KeyName) -> PersonalDataKey | None:
    """The key, if there is one; from memory if it was used within seconds."""
    key = key_cache.get(name)
    if key is None and key_cache.get((name[0], _ERASED_PURPOSE)) is None:
        key = load_keys([name[0]]).get(name)
    return key


def find_key_for_writing(name: KeyName) -> PersonalDataKey | None:
    """As `find`; raises `PersonErased` for somebody for whom none will ever be made again."""
    key = key_cache.get(name)
    if key is None:
        keys = load_keys([name[0]])
        key = keys.get(name)
        if key is None and (name[0], _ERASED_PURPOSE) in keys:
            raise PersonErased(person=name[0])
    return key


def load_keys(subjects: Collection[UUID]) -> dict[KeyName, PersonalDataKey]:
    """All keys of some persons, with one statement, or two where one has none. They are in memory then."""
    keys: dict[KeyName, PersonalDataKey] = {}
    rows = PersonalKey.objects.filter(subject__in=subjects)
    for subject, purpose, wrapped, wrapped_by in rows.values_list("subject", "purpose", "wrapped", "wrapped_by"):
        keys[subject, purpose] = PersonalDataKey(
            key_wrapping.unwrap_key(bytes(wrapped), wrapped_by, subject, purpose), is_stored=True
        )
    if keyless := set(subjects) - {subject for subject, _ in keys}:
        # Only this may be remembered of a key that is not there: any other may be made at any moment.
        keys |= {(subject, _ERASED_PURPOSE): _ERASED_MARKER for subject in erased_among(keyless)}
    uncommitted = _uncommitted_names()
    for name, key in keys.items():
        if name not in uncommitted:
            key_cache.put(name, key)
    return keys


def generate_key() -> PersonalDataKey:
    """A new key, which nobody has yet."""
    return PersonalDataKey(os.urandom(key_wrapping.KEY_BYTES), is_stored=False)


def store_keys(keys: Iterable[tuple[KeyName, PersonalDataKey]]) -> bool:
    """Store new keys; False when somebody else made one of them in the meantime. Raises `PersonErased`."""
    named_keys = list(keys)
    subjects = {subject for (subject, _), _ in named_keys}
    with transaction.atomic(using=keys_database()):
        block_erasure_of(subjects)
        if erased := ErasedPerson.objects.filter(subject__in=subjects).first():
            raise PersonErased(person=erased.subject)
        rows = [
            PersonalKey(
                subject=subject,
                purpose=purpose,
                wrapped=key_wrapping.wrap_key(key.secret, subject, purpose),
                wrapped_by=key_wrapping.current_key_id(),
            )
            for (subject, purpose), key in named_keys
        ]
        PersonalKey.objects.bulk_create(rows, ignore_conflicts=True)
        stored_rows = PersonalKey.objects.filter(subject__in=subjects).values_list("subject", "purpose", "wrapped")
        stored = {(subject, purpose): bytes(wrapped) for subject, purpose, wrapped in stored_rows}
        if any(stored[row.subject, row.purpose] != row.wrapped for row in rows):
            return False
    for name, key in named_keys:
        _cache_on_commit(name, key)
    return True


def destroy_keys(subject: UUID) -> list[str]:
    """Mark a person as erased for ever and destroy their keys; for which purposes they were.

    From here on no key can be made for them, whatever races with it. Again: the same answer, nothing done.
    """
    with transaction.atomic(using=keys_database()):
        lock_for_erasure(subject)
        ErasedPerson.objects.get_or_create(subject=subject, defaults={"erased_at": timezone.now()})
        keys = PersonalKey.objects.filter(subject=subject)
        purposes = sorted(keys.values_list("purpose", flat=True))
        keys.delete()
    key_cache.forget(subject)
    return purposes


def erased_among(subjects: Collection[UUID]) -> set[UUID]:
    """Those of these persons who are erased."""
    return set(ErasedPerson.objects.filter(subject__in=subjects).values_list("subject", flat=True))


def _cache_on_commit(name: KeyName, key: PersonalDataKey) -> None:
    # A transaction of the caller's may yet be rolled back; what was encrypted under such a key would be lost.
    def committed() -> None:
        key.is_stored = True
        _uncommitted_names().discard(name)
        key_cache.put(name, key)

    _uncommitted_names().add(name)
    transaction.on_commit(committed, using=keys_database())


def _uncommitted_names() -> set[KeyName]:
    """The keys that this connection has made in its transaction; nothing else can see them."""
    connection: Any = connections[keys_database()]
    if not connection.in_atomic_block:
        connection.privacy_uncommitted = set()
    names: set[KeyName] = connection.__dict__.setdefault("privacy_uncommitted", set())
    return names
