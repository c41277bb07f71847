"""The search terms of the leftover scan, and the rules that tell a person's data from another person's equal words."""

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

#: Shorter terms are ignored: they occur in every table.
MIN_LENGTH: Final = 3
#: Shorter terms match whole words only: "Ada" is also part of many UUIDs.
SUBSTRING_MIN_LENGTH: Final = 8
#: JSON escapes of line ends and tabs; their letter is not part of the word that follows.
_JSON_WHITESPACE: Final = (b"\\n", b"\\r", b"\\t")


class SearchTerm(Struct, frozen=True):
    """One line of personal text. A unique one, such as an e-mail address, belongs to one person only."""

    text: str
    unique: bool = False


class Leftover(Struct, frozen=True):
    """A location in which search terms were found, and in how many rows or records. It never contains the term."""

    where: str
    count: int


class SearchTerms:
    """A person's search terms and ids. A text matches if it contains a unique term, or any term together with an id."""

    def __init__(self, terms: Iterable[SearchTerm], ids: Collection[UUID]) -> None:
        self.terms = [term for term in terms if len(term.text) >= MIN_LENGTH]
        self.ids = list(ids)

    @cached_property
    def marks(self) -> list[str]:
        """The encoded forms of unique terms and ids, in lower case. A matching row contains at least one of them."""
        unique = [form.decode(errors="replace") for form in self._unique_forms]
        return [*dict.fromkeys(unique), *(form for id_ in self.ids for form in (str(id_), id_.hex))]

    def found_in(self, content: bytes) -> bool:
        """Whether a text matches."""
        lowercase = content.lower()
        if any(form in lowercase for form in self._unique_forms):
            return True
        has_id = any(form in content or form in lowercase for form in self._id_forms)
        return has_id and self._common_matcher.matches(lowercase)

    @cached_property
    def _unique_forms(self) -> list[bytes]:
        return [form for term in self.terms if term.unique for form in _encoded_forms(term)]

    @cached_property
    def _common_matcher(self) -> MultiTermMatcher:
        return MultiTermMatcher(form for term in self.terms if not term.unique for form in _encoded_forms(term))

    @cached_property
    def _id_forms(self) -> list[bytes]:
        return [form for id_ in self.ids for form in (str(id_).encode(), id_.hex.encode(), id_.bytes)]


class MultiTermMatcher:
    """Tests whether a text contains one of many words. One regular expression finds the prefixes of all words."""

    def __init__(self, words: Iterable[bytes]) -> None:
        self._by_prefix: dict[bytes, list[bytes]] = {}
        for word in sorted(set(words), key=len):
            same_prefix = self._by_prefix.setdefault(word[:MIN_LENGTH], [])
            # A word that contains a shorter one is redundant if the shorter one matches as a substring.
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
    """The forms in which a term may be stored, in lower case: text, escaped JSON, and PostgreSQL's escaped bytes."""
    forms: set[bytes] = set()
    # `bytes.lower` and SQLite convert ASCII letters only, PostgreSQL converts all letters.
    for text in {term.text, term.text.lower()}:
        escaped = msgspec.json.encode(text)[1:-1], json.dumps(text)[1:-1].encode(), _octal_escape(text)
        forms |= {form.lower() for form in (text.encode(), *escaped)}
    return forms


def _is_match(content: bytes, word: bytes, start: int) -> bool:
    """Whether an occurrence counts: a short word must not be part of a longer one."""
    if len(word) >= SUBSTRING_MIN_LENGTH:
        return True
    before, after = content[max(0, start - 2) : start], content[start + len(word) : start + len(word) + 1]
    return not after.isalnum() and (not before[-1:].isalnum() or before in _JSON_WHITESPACE)


def _octal_escape(text: str) -> bytes:
    return b"".join(b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte for byte in text.encode())


def encrypt_terms(terms: Sequence[SearchTerm]) -> bytes:
    """Encrypt the terms for storage until the scan is done: the key's id, the nonce and the ciphertext."""
    nonce = os.urandom(NONCE_BYTES)
    key_id = current_key_id().encode()
    return key_id + nonce + AESGCM(settings.KEY_ENCRYPTION_KEYS[0]).encrypt(nonce, msgspec.json.encode(terms), b"words")


def decrypt_terms(encrypted: bytes) -> list[SearchTerm]:
    """The encrypted terms; none for an empty value."""
    if not encrypted:
        return []
    key_id, nonce = encrypted[:16].decode(), encrypted[16 : 16 + NONCE_BYTES]
    content = AESGCM(keys_by_id()[key_id]).decrypt(nonce, encrypted[16 + NONCE_BYTES :], b"words")
    return msgspec.json.decode(content, type=list[SearchTerm])
