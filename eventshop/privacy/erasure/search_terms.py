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

from eventshop.privacy.encryption.key_wrapping import NONCE_BYTES, current_key_id, keys_by_id

#: Shorter ones say nothing: they stand in every table.
MIN_LENGTH: Final = 3
#: Shorter ones count only where they stand alone: "Ada" is also three digits of every thousandth UUID.
SUBSTRING_MIN_LENGTH: Final = 8
#: How JSON writes the end of a line or a tabulator: no part of the word behind it.
_JSON_WHITESPACE: Final = (b"\\n", b"\\r", b"\\t")


class SearchTerm(Struct, frozen=True):
    """One line of personal text. A unique one is nobody else's, wherever it stands."""

    text: str
    unique: bool = False


class Leftover(Struct, frozen=True):
    """Where a word was found. Never the word itself."""

    where: str
    count: int


class SearchTerms:
    """A person's words and ids. A text holds traces of them when it holds a unique word, or any word beside an id."""

    def __init__(self, terms: Iterable[SearchTerm], ids: Collection[UUID]) -> None:
        self.terms = [word for word in terms if len(word.text) >= MIN_LENGTH]
        self.ids = list(ids)

    @cached_property
    def marks(self) -> list[str]:
        """What a row with traces holds at least one of: a unique word, or an id. Lower case, as it may be written."""
        unique = [
            written.decode(errors="replace") for word in self.terms if word.unique for written in _encoded_forms(word)
        ]
        return [*dict.fromkeys(unique), *(form for it in self.ids for form in (str(it), it.hex))]

    def found_in(self, content: bytes) -> bool:
        lowercase = content.lower()
        if any(word in lowercase for word in self._unique_forms):
            return True
        return any(name in content or name in lowercase for name in self._id_forms) and self._common_matcher.matches(
            lowercase
        )

    @cached_property
    def _unique_forms(self) -> list[bytes]:
        return [written for word in self.terms if word.unique for written in _encoded_forms(word)]

    @cached_property
    def _common_matcher(self) -> MultiTermMatcher:
        return MultiTermMatcher(written for word in self.terms if not word.unique for written in _encoded_forms(word))

    @cached_property
    def _id_forms(self) -> list[bytes]:
        return [form for it in self.ids for form in (str(it).encode(), it.hex.encode(), it.bytes)]


class MultiTermMatcher:
    """Whether a text holds one of many words: those that start alike are looked at together."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._by_prefix: dict[bytes, list[bytes]] = {}
        for word in sorted(set(words), key=len):
            same_prefix = self._by_prefix.setdefault(word[:MIN_LENGTH], [])
            # A longer one is found with a shorter one that it holds, if that counts anywhere.
            if not any(shorter in word for shorter in same_prefix if len(shorter) >= SUBSTRING_MIN_LENGTH):
                same_prefix.append(word)
        prefixes = b"|".join(map(re.escape, self._by_prefix))
        self._prefix_pattern = re.compile(b"(?=(" + prefixes + b"))") if prefixes else None

    def matches(self, content: bytes) -> bool:
        if self._prefix_pattern is None:
            return False
        return any(
            content.startswith(word, match.start()) and _is_match(content, word, match.start())
            for match in self._prefix_pattern.finditer(content)
            for word in self._by_prefix[match.group(1)]
        )


def _encoded_forms(term: SearchTerm) -> set[bytes]:
    """Every way a word may be written down: as text, as JSON escapes it, and as PostgreSQL shows bytes."""
    forms: set[bytes] = set()
    # `bytes.lower` and SQLite know ASCII letters only, PostgreSQL knows all of them.
    for text in {term.text, term.text.lower()}:
        escaped = msgspec.json.encode(text)[1:-1], json.dumps(text)[1:-1].encode(), _octal_escape(text)
        forms |= {written.lower() for written in (text.encode(), *escaped)}
    return forms


def _is_match(content: bytes, word: bytes, start: int) -> bool:
    """Whether a word found there is that word, and no piece of a longer one."""
    if len(word) >= SUBSTRING_MIN_LENGTH:
        return True
    before, after = content[max(0, start - 2) : start], content[start + len(word) : start + len(word) + 1]
    return not after.isalnum() and (not before[-1:].isalnum() or before in _JSON_WHITESPACE)


def _octal_escape(text: str) -> bytes:
    return b"".join(b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte for byte in text.encode())


def encrypt_terms(terms: Sequence[SearchTerm]) -> bytes:
    """Words as they wait in the database until they have been looked for."""
    nonce = os.urandom(NONCE_BYTES)
    name = current_key_id().encode()
    return name + nonce + AESGCM(settings.KEY_ENCRYPTION_KEYS[0]).encrypt(nonce, msgspec.json.encode(terms), b"words")


def decrypt_terms(box: bytes) -> list[SearchTerm]:
    if not box:
        return []
    name, nonce, ciphertext = box[:16].decode(), box[16 : 16 + NONCE_BYTES], box[16 + NONCE_BYTES :]
    return msgspec.json.decode(AESGCM(keys_by_id()[name]).decrypt(nonce, ciphertext, b"words"), type=list[SearchTerm])
