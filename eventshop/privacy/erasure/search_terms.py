"""What is looked for after an erasure: the person's words, and how a hit is told from somebody else's same words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Final
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from msgspec import Struct

from eventshop.privacy.encryption.key_wrapping import NONCE_BYTES, current, known

#: Shorter ones say nothing: they stand in every table.
SHORTEST: Final = 3
#: Shorter ones count only where they stand alone: "Ada" is also three digits of every thousandth UUID.
ANYWHERE: Final = 8
#: How JSON writes the end of a line or a tabulator: no part of the word behind it.
_BLANKS: Final = (b"\\n", b"\\r", b"\\t")


class Word(Struct, frozen=True):
    """One line of personal text. A unique one is nobody else's, wherever it stands."""

    text: str
    unique: bool = False


class Hit(Struct, frozen=True):
    """Where a word was found. Never the word itself."""

    where: str
    count: int


class Sought:
    """A person's words and ids. A text holds traces of them when it holds a unique word, or any word beside an id."""

    def __init__(self, words: Iterable[Word], ids: Collection[UUID]) -> None:
        self.words = [word for word in words if len(word.text) >= SHORTEST]
        self.ids = list(ids)

    @cached_property
    def marks(self) -> list[str]:
        """What a row with traces holds at least one of: a unique word, or an id. Lower case, as it may be written."""
        unique = [written.decode(errors="replace") for word in self.words if word.unique for written in _written(word)]
        return [*dict.fromkeys(unique), *(form for it in self.ids for form in (str(it), it.hex))]

    def in_bytes(self, content: bytes) -> bool:
        lowered = content.lower()
        if any(word in lowered for word in self._unique):
            return True
        return any(name in content or name in lowered for name in self._named) and self._common.any_in(lowered)

    @cached_property
    def _unique(self) -> list[bytes]:
        return [written for word in self.words if word.unique for written in _written(word)]

    @cached_property
    def _common(self) -> Matcher:
        return Matcher(written for word in self.words if not word.unique for written in _written(word))

    @cached_property
    def _named(self) -> list[bytes]:
        return [form for it in self.ids for form in (str(it).encode(), it.hex.encode(), it.bytes)]


class Matcher:
    """Whether a text holds one of many words: those that start alike are looked at together."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._by_start: dict[bytes, list[bytes]] = {}
        for word in sorted(set(words), key=len):
            alike = self._by_start.setdefault(word[:SHORTEST], [])
            # A longer one is found with a shorter one that it holds, if that counts anywhere.
            if not any(shorter in word for shorter in alike if len(shorter) >= ANYWHERE):
                alike.append(word)
        starts = b"|".join(map(re.escape, self._by_start))
        self._starts = re.compile(b"(?=(" + starts + b"))") if starts else None

    def any_in(self, content: bytes) -> bool:
        if self._starts is None:
            return False
        return any(
            content.startswith(word, found.start()) and _counts(content, word, found.start())
            for found in self._starts.finditer(content)
            for word in self._by_start[found.group(1)]
        )


def _written(word: Word) -> set[bytes]:
    """Every way a word may be written down: as text, as JSON escapes it, and as PostgreSQL shows bytes."""
    found: set[bytes] = set()
    # `bytes.lower` and SQLite know ASCII letters only, PostgreSQL knows all of them.
    for text in {word.text, word.text.lower()}:
        escaped = msgspec.json.encode(text)[1:-1], json.dumps(text)[1:-1].encode(), _octal(text)
        found |= {written.lower() for written in (text.encode(), *escaped)}
    return found


def _counts(content: bytes, word: bytes, at: int) -> bool:
    """Whether a word found there is that word, and no piece of a longer one."""
    if len(word) >= ANYWHERE:
        return True
    before, behind = content[max(0, at - 2) : at], content[at + len(word) : at + len(word) + 1]
    return not behind.isalnum() and (not before[-1:].isalnum() or before in _BLANKS)


def _octal(text: str) -> bytes:
    return b"".join(b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte for byte in text.encode())


def sealed(words: Sequence[Word]) -> bytes:
    """Words as they wait in the database until they have been looked for."""
    nonce = os.urandom(NONCE_BYTES)
    name = current().encode()
    return name + nonce + AESGCM(settings.KEY_ENCRYPTION_KEYS[0]).encrypt(nonce, msgspec.json.encode(words), b"words")


def opened(box: bytes) -> list[Word]:
    if not box:
        return []
    name, nonce, ciphertext = box[:16].decode(), box[16 : 16 + NONCE_BYTES], box[16 + NONCE_BYTES :]
    return msgspec.json.decode(AESGCM(known()[name]).decrypt(nonce, ciphertext, b"words"), type=list[Word])
