"""The search terms of the leftover scan, and the rules that tell a person's data from another person's equal words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
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
#: So many parts of names and addresses, beside an id of the person, identify them.
MIN_PARTS: Final = 2
#: JSON escapes of line ends and tabs; their letter is not part of the word that follows.
_JSON_WHITESPACE: Final = (b"\\n", b"\\r", b"\\t")
#: An id in any of its spellings, in lower case.
_ID: Final = re.compile(rb"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
#: An encrypted value, in lower case: its letters spell short names by chance.
_CIPHERTEXT: Final = re.compile(rb"e1\.[a-z0-9+/]{38,}=*")
#: Ids are sought as raw bytes, too, if they are no more than this.
_MAX_BINARY_IDS: Final = 50
_WORD: Final = re.compile(r"[^\W\d_]+")


class SearchTerm(Struct, frozen=True):
    """One line of personal text, or a word of it (`part`). A unique one, such as an e-mail address, is one person's."""

    text: str
    unique: bool = False
    part: bool = False


class SearchTerms:
    """A person's search terms and ids, and what is found by them.

    A text matches if it contains a unique term; or, beside an id, any other term or two parts of terms.
    """

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
        if not self._names_an_id(content, lowercase):
            return False
        readable = _CIPHERTEXT.sub(b" ", lowercase)
        return self._common_matcher.matches(readable) or self._has_parts(readable)

    def _names_an_id(self, content: bytes, lowercase: bytes) -> bool:
        found = (match.replace(b"-", b"") for match in _ID.findall(lowercase))
        return any(form in self._id_digits for form in found) or any(form in content for form in self._binary_ids)

    def _has_parts(self, lowercase: bytes) -> bool:
        if not self._part_matcher.matches(lowercase):
            return False
        return sum(matcher.matches(lowercase) for matcher in self._matcher_of_each_part) >= MIN_PARTS

    @cached_property
    def _unique_forms(self) -> list[bytes]:
        return [form for term in self.terms if term.unique for form in _encoded_forms(term)]

    @cached_property
    def _common_matcher(self) -> MultiTermMatcher:
        common = (term for term in self.terms if not term.unique and not term.part)
        return MultiTermMatcher(form for term in common for form in _encoded_forms(term))

    @cached_property
    def _part_matcher(self) -> MultiTermMatcher:
        return MultiTermMatcher(form for term in self.terms if term.part for form in _encoded_forms(term))

    @cached_property
    def _matcher_of_each_part(self) -> list[MultiTermMatcher]:
        return [MultiTermMatcher(_encoded_forms(term)) for term in self.terms if term.part]

    @cached_property
    def _id_digits(self) -> frozenset[bytes]:
        return frozenset(id_.hex.encode() for id_ in self.ids)

    @cached_property
    def _binary_ids(self) -> list[bytes]:
        return [id_.bytes for id_ in self.ids[:_MAX_BINARY_IDS]]


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


def terms_of(text: str, *, unique: bool = False) -> Iterator[SearchTerm]:
    """The search terms of a personal text: its lines, and the words of those with several."""
    for line in filter(None, map(str.strip, text.splitlines())):
        yield SearchTerm(line, unique)
        words = set(words_of(line))
        if len(words) > 1:
            yield from (SearchTerm(word, part=True) for word in sorted(words) if len(word) >= MIN_LENGTH)


def words_of(text: str) -> list[str]:
    """The words of a text, without case."""
    return [word.casefold() for word in _WORD.findall(text)]


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
