"""The request from outside that is being handled: every command sent meanwhile belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Envelope

#: More commands than this are counted under the request, and named no more.
MOST_NAMED: Final = 100


class Handling:
    """A request while it is handled. `metadata` goes beside every event; `commands` are the ids of what was sent."""

    def __init__(self, metadata: dict[str, str]) -> None:
        self.metadata = metadata
        self.commands: list[UUID] = []
        self.sent = 0

    def note(self, command_id: UUID) -> None:
        self.sent += 1
        if len(self.commands) < MOST_NAMED:
            self.commands.append(command_id)


_current: ContextVar[Handling | None] = ContextVar("handling", default=None)


@contextmanager
def handling(request: Handling) -> Iterator[Handling]:
    """Around all that is done for a request, in this thread or task."""
    before = _current.set(request)
    try:
        yield request
    finally:
        _current.reset(before)


def trace_id() -> str:
    """The trace that the request being handled belongs to; empty outside of any."""
    request = _current.get()
    return request.metadata.get("traceparent", "--").split("-")[1] if request else ""


def in_context(envelope: Envelope) -> Envelope:
    """The envelope with what is known of the request that its command belongs to; its own metadata stays."""
    request = _current.get()
    if request is None:
        return envelope
    request.note(envelope.command_id)
    return replace(envelope, metadata={**request.metadata, **envelope.metadata})
