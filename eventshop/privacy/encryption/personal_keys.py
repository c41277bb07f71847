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
from eventshop.privacy.erasure.erasure_locks import no_other_mints, nobody_erases
from eventshop.privacy.models import ErasedPerson, PersonalKey

#: Keys in the memory of one process at most.
REMEMBERED: Final = 20_000


class Key:
    """A key ready to use. `stored` is false until the database has it."""

    __slots__ = ("aead", "fingerprints", "secret", "stored")

    def __init__(self, secret: bytes, *, stored: bool) -> None:
        self.secret = secret
        self.stored = stored
        self.aead = AESGCM(secret)
        self.fingerprints = digest(secret, b"fingerprints", "sha256")


Name = tuple[UUID, str]  # whose, and what for


class _Memory:
    """Keys by name, each for KEY_CACHE_SECONDS; the one not used for longest is forgotten first."""

    def __init__(self) -> None:
        self._keys: OrderedDict[Name, tuple[Key, float]] = OrderedDict()
        self._turn = Lock()

    def get(self, name: Name) -> Key | None:
        found = self._keys.get(name)
        return found[0] if found is not None and found[1] > monotonic() else None

    def put(self, name: Name, key: Key) -> None:
        with self._turn:
            self._keys[name] = key, monotonic() + settings.KEY_CACHE_SECONDS
            self._keys.move_to_end(name)
            while len(self._keys) > REMEMBERED:
                self._keys.popitem(last=False)

    def forget(self, subject: UUID) -> None:
        with self._turn:
            for name in [name for name in self._keys if name[0] == subject]:
                del self._keys[name]

    def clear(self) -> None:
        with self._turn:
            self._keys.clear()


memory: Final = _Memory()

#: Stands in memory for "this person is erased": so much, and no other absence, is for ever.
_ERASED: Final = ""
_NONE: Final = Key(bytes(key_wrapping.KEY_BYTES), stored=True)


def find(name: Name) -> Key | None:
    """The key, if there is one; from memory if it was used within seconds."""
    key = memory.get(name)
    if key is None and memory.get((name[0], _ERASED)) is None:
        key = load([name[0]]).get(name)
    return key


def find_to_write(name: Name) -> Key | None:
    """As `find`; raises `PersonErased` for somebody for whom none will ever be made again."""
    key = memory.get(name)
    if key is None:
        found = load([name[0]])
        key = found.get(name)
        if key is None and (name[0], _ERASED) in found:
            raise PersonErased(person=name[0])
    return key


def load(subjects: Collection[UUID]) -> dict[Name, Key]:
    """All keys of some persons, with one statement, or two where one has none. They are in memory then."""
    found: dict[Name, Key] = {}
    rows = PersonalKey.objects.filter(subject__in=subjects)
    for subject, purpose, wrapped, by in rows.values_list("subject", "purpose", "wrapped", "wrapped_by"):
        found[subject, purpose] = Key(key_wrapping.unwrap(bytes(wrapped), by, subject, purpose), stored=True)
    if without := set(subjects) - {subject for subject, _ in found}:
        # Only this may be remembered of a key that is not there: any other may be made at any moment.
        found |= {(subject, _ERASED): _NONE for subject in erased(without)}
    unsure = _uncommitted()
    for name, key in found.items():
        if name not in unsure:
            memory.put(name, key)
    return found


def fresh() -> Key:
    """A new key, which nobody has yet."""
    return Key(os.urandom(key_wrapping.KEY_BYTES), stored=False)


def store(keys: Iterable[tuple[Name, Key]]) -> bool:
    """Store new keys; False when somebody else made one of them in the meantime. Raises `PersonErased`."""
    named = list(keys)
    subjects = {subject for (subject, _), _ in named}
    with transaction.atomic(using=keys_database()):
        nobody_erases(subjects)
        if gone := ErasedPerson.objects.filter(subject__in=subjects).first():
            raise PersonErased(person=gone.subject)
        rows = [
            PersonalKey(
                subject=subject,
                purpose=purpose,
                wrapped=key_wrapping.wrap(key.secret, subject, purpose),
                wrapped_by=key_wrapping.current(),
            )
            for (subject, purpose), key in named
        ]
        PersonalKey.objects.bulk_create(rows, ignore_conflicts=True)
        theirs = PersonalKey.objects.filter(subject__in=subjects).values_list("subject", "purpose", "wrapped")
        there = {(subject, purpose): bytes(wrapped) for subject, purpose, wrapped in theirs}
        if any(there[row.subject, row.purpose] != row.wrapped for row in rows):
            return False
    for name, key in named:
        _remember_once_committed(name, key)
    return True


def destroy(subject: UUID) -> list[str]:
    """Mark a person as erased for ever and destroy their keys; for which purposes they were.

    From here on no key can be made for them, whatever races with it. Again: the same answer, nothing done.
    """
    with transaction.atomic(using=keys_database()):
        no_other_mints(subject)
        ErasedPerson.objects.get_or_create(subject=subject, defaults={"erased_at": timezone.now()})
        doomed = PersonalKey.objects.filter(subject=subject)
        purposes = sorted(doomed.values_list("purpose", flat=True))
        doomed.delete()
    memory.forget(subject)
    return purposes


def erased(subjects: Collection[UUID]) -> set[UUID]:
    """Those of these persons who are erased."""
    return set(ErasedPerson.objects.filter(subject__in=subjects).values_list("subject", flat=True))


def _remember_once_committed(name: Name, key: Key) -> None:
    # A transaction of the caller's may yet be rolled back; what was encrypted under such a key would be lost.
    def committed() -> None:
        key.stored = True
        _uncommitted().discard(name)
        memory.put(name, key)

    _uncommitted().add(name)
    transaction.on_commit(committed, using=keys_database())


def _uncommitted() -> set[Name]:
    """The keys that this connection has made in its transaction; nothing else can see them."""
    connection: Any = connections[keys_database()]
    if not connection.in_atomic_block:
        connection.privacy_uncommitted = set()
    found: set[Name] = connection.__dict__.setdefault("privacy_uncommitted", set())
    return found
