"""The personal keys, one per person and purpose: creation, look-up with a short-lived cache, and destruction."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
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

#: Each takes a lock: PostgreSQL has room for some thousands.
_SUBJECTS_PER_TRANSACTION: Final = 400
#: The size of the key cache of one process.
MAX_CACHED_KEYS: Final = 20_000


class PersonalDataKey:
    """A key ready to use. `is_stored` is false until it is committed to the database.

    One that `is_successor` follows a destroyed key: what it does not decrypt was erased with that.
    """

    __slots__ = ("aead", "fingerprint_key", "is_stored", "is_successor", "secret")

    def __init__(self, secret: bytes, *, is_stored: bool, is_successor: bool = False) -> None:
        self.secret = secret
        self.is_stored = is_stored
        self.is_successor = is_successor
        self.aead = AESGCM(secret)
        self.fingerprint_key = digest(secret, b"fingerprints", "sha256")


KeyName = tuple[UUID, str]  # person and purpose


class _KeyCache:
    """Keys by name, each for KEY_CACHE_SECONDS. When it is full, the oldest entry is evicted."""

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

    def forget(self, *subjects: UUID) -> None:
        with self._lock:
            gone = set(subjects)
            for name in [name for name in self._keys if name[0] in gone]:
                del self._keys[name]

    def clear(self) -> None:
        with self._lock:
            self._keys.clear()


key_cache: Final = _KeyCache()

#: The cache entry for "this person is erased". No other absence is cached: only this one is permanent.
_ERASED_PURPOSE: Final = ""
_ERASED_MARKER: Final = PersonalDataKey(bytes(key_wrapping.KEY_BYTES), is_stored=True)


def find_key(name: KeyName) -> PersonalDataKey | None:
    """The key, or None; from the cache if it was loaded within KEY_CACHE_SECONDS."""
    key = key_cache.get(name)
    if key is None and key_cache.get((name[0], _ERASED_PURPOSE)) is None:
        key = load_keys([name[0]]).get(name)
    return key


def load_missing_keys(names: Collection[KeyName]) -> None:
    """Load the keys that are not in the cache: one statement for all, and a second one if a person has none."""
    missing = {
        name[0] for name in names if key_cache.get(name) is None and key_cache.get((name[0], _ERASED_PURPOSE)) is None
    }
    if missing:
        load_keys(missing)


def find_key_for_writing(name: KeyName) -> PersonalDataKey | None:
    """As `find_key`, but raises `PersonErased` for an erased person, for whom no key is ever created again."""
    return key_cache.get(name) or key_for_writing(name, load_keys([name[0]]))


def key_for_writing(name: KeyName, loaded: Mapping[KeyName, PersonalDataKey]) -> PersonalDataKey | None:
    """The key among the loaded ones of its person, or None; raises `PersonErased`."""
    key = loaded.get(name)
    if key is None and (name[0], _ERASED_PURPOSE) in loaded:
        raise PersonErased(person=name[0])
    return key


def load_keys(subjects: Collection[UUID]) -> dict[KeyName, PersonalDataKey]:
    """Load all keys of some persons into the cache: one statement, and a second one if a person has no key."""
    keys: dict[KeyName, PersonalDataKey] = {}
    rows = PersonalKey.objects.filter(subject__in=subjects)
    columns = ("subject", "purpose", "wrapped", "wrapped_by", "generation")
    for subject, purpose, wrapped, wrapped_by, generation in rows.values_list(*columns):
        secret = key_wrapping.unwrap_key(bytes(wrapped), wrapped_by, subject, purpose)
        keys[subject, purpose] = PersonalDataKey(secret, is_stored=True, is_successor=generation > 1)
    if keyless := set(subjects) - {subject for subject, _ in keys}:
        # Of missing keys, only those of erased persons may be cached: any other may be created at any time.
        keys |= {(subject, _ERASED_PURPOSE): _ERASED_MARKER for subject in erased_among(keyless)}
    uncommitted = _uncommitted_names()
    for name, key in keys.items():
        if name not in uncommitted:
            key_cache.put(name, key)
    return keys


def generate_key() -> PersonalDataKey:
    """Generate a new key, which is not stored yet."""
    return PersonalDataKey(os.urandom(key_wrapping.KEY_BYTES), is_stored=False)


def store_keys(keys: Iterable[tuple[KeyName, PersonalDataKey]]) -> bool:
    """Store new keys; False if another writer stored one of them first. Raises `PersonErased`."""
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
    """As `destroy_all_keys`, for one person or stream."""
    return destroy_all_keys([subject])


def destroy_all_keys(subjects: Collection[UUID]) -> list[str]:
    """Mark subjects as erased permanently and destroy their keys; gives the purposes of the destroyed keys.

    From then on no key can be created for them, even by a concurrent writer. A second call destroys nothing.
    """
    purposes: set[str] = set()
    for some in _parts(subjects):
        with transaction.atomic(using=keys_database()):
            lock_for_erasure(some)
            markers = [ErasedPerson(subject=subject, erased_at=timezone.now()) for subject in some]
            ErasedPerson.objects.bulk_create(markers, ignore_conflicts=True)
            keys = PersonalKey.objects.filter(subject__in=some)
            purposes.update(keys.values_list("purpose", flat=True))
            keys.delete()
        key_cache.forget(*some)
    return sorted(purposes)


def replace_keys(subjects: Collection[UUID], purposes: Collection[str]) -> list[str]:
    """Destroy the keys of subjects for some purposes by new ones in their places; gives the purposes that had a key.

    What was encrypted is erased; what is written from now on can be read. A process that has an old key in its cache
    may still write with it for KEY_CACHE_SECONDS: that is erased as well.
    """
    replaced: set[str] = set()
    for some in _parts(subjects):
        with transaction.atomic(using=keys_database()):
            lock_for_erasure(some)
            rows = list(PersonalKey.objects.filter(subject__in=some, purpose__in=purposes))
            for row in rows:
                row.wrapped = key_wrapping.wrap_key(generate_key().secret, row.subject, row.purpose)
                row.wrapped_by, row.generation = key_wrapping.current_key_id(), row.generation + 1
                replaced.add(row.purpose)
            PersonalKey.objects.bulk_update(rows, ["wrapped", "wrapped_by", "generation"])
        key_cache.forget(*some)
    return sorted(replaced)


def _parts(subjects: Collection[UUID]) -> Iterator[list[UUID]]:
    everybody = list(subjects)
    for start in range(0, len(everybody), _SUBJECTS_PER_TRANSACTION):
        yield everybody[start : start + _SUBJECTS_PER_TRANSACTION]


def erased_among(subjects: Collection[UUID]) -> set[UUID]:
    """The persons among `subjects` who are erased."""
    return set(ErasedPerson.objects.filter(subject__in=subjects).values_list("subject", flat=True))


def _cache_on_commit(name: KeyName, key: PersonalDataKey) -> None:
    # The caller's transaction may be rolled back. Data encrypted under a cached key would then be lost.
    def mark_stored() -> None:
        key.is_stored = True
        _uncommitted_names().discard(name)
        key_cache.put(name, key)

    _uncommitted_names().add(name)
    transaction.on_commit(mark_stored, using=keys_database())


def _uncommitted_names() -> set[KeyName]:
    """The keys that this connection created in its open transaction; no other connection can see them."""
    connection: Any = connections[keys_database()]
    if not connection.in_atomic_block:
        connection.privacy_uncommitted = set()
    names: set[KeyName] = connection.__dict__.setdefault("privacy_uncommitted", set())
    return names
