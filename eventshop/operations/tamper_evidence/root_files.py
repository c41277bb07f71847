"""Signed roots as a file to be kept outside the system: one line of JSON per root, from the first on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Final

import msgspec
from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.operations.models import SignedRoot


class RootLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A root and its heads. Bytes are base64."""

    number: int
    after_position: int
    to_position: int
    streams: int
    root: bytes
    previous: bytes
    taken_at: datetime
    public_key: str
    signature: bytes
    heads: bytes
    tables: str = ""
    leaves: bytes = b""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(RootLine).decode


def encode_roots(roots: Iterable[SignedRoot]) -> Iterator[bytes]:
    for root in roots:
        yield _encode({name: _to_bytes(getattr(root, name)) for name in RootLine.__struct_fields__}) + b"\n"


def read_roots(file: IO[bytes]) -> Iterator[SignedRoot]:
    """The roots of a file, as unsaved rows of the table. Raises `InvalidMessage` with the line number."""
    for number, line in enumerate(file, start=1):
        try:
            yield SignedRoot(**msgspec.structs.asdict(_decode(line)))
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidMessage(f"line {number} is not a signed root: {error}", line=number) from error


def _to_bytes(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
