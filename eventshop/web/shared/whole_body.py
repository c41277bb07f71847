"""Request bodies that arrive whole or not at all.

WSGI servers end a body where its connection ended. The beginning of a form can be a valid form with another quantity,
and the beginning of a signed message looks like a forgery: no view may see them. (ASGI aborts such a request.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eventshop.web.shared.errors import IncompleteBody


class _Input(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class WholeBody:
    """A `wsgi.input` that raises `IncompleteBody` where the connection ended. Django reads no further than the body."""

    def __init__(self, stream: _Input) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        data = b""
        while len(data) < size:
            data += _next_part(self._stream.read, size - len(data))
        return data

    def readline(self, size: int, /) -> bytes:
        line = b""
        while len(line) < size and not line.endswith(b"\n"):
            line += _next_part(self._stream.readline, size - len(line))
        return line


def _next_part(read: Callable[[int], bytes], size: int) -> bytes:
    try:
        part = read(size)
    except OSError as error:
        raise IncompleteBody from error
    if not part:
        raise IncompleteBody
    return part
