"""The context of the request being handled; its metadata is added to every command sent meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypedDict, Unpack
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.messages import Envelope

#: Where `HttpRequest.META` has the id of a request, for code that runs outside of its context.
REQUEST_ID_KEY: Final = "eventshop.request_id"
#: The ids of the first so many commands of a request are recorded; further ones are only counted.
MAX_RECORDED_COMMANDS: Final = 100


class AccessNotes(TypedDict, total=False):
    """What a view knows about what it shows, for the access log: a stream, a span of it or of the store, and a kind."""

    kind: str
    stream: UUID
    first: int
    last: int
    rows: int
    #: The command that recorded the reason.
    command_id: UUID


class RequestContext:
    """A request being handled. `metadata` is stored with every event, `command_ids` are the commands sent so far.

    `actor` tells who makes the request, once that is known; empty before.
    """

    def __init__(self, metadata: dict[str, str], actor: Callable[[], str] = str) -> None:
        self.metadata = metadata
        self.actor = actor
        self.command_ids: list[UUID] = []
        self.command_count = 0
        self.access_notes = AccessNotes()

    def record_command(self, command_id: UUID) -> None:
        self.command_count += 1
        if len(self.command_ids) < MAX_RECORDED_COMMANDS:
            self.command_ids.append(command_id)


_current: ContextVar[RequestContext | None] = ContextVar("handling", default=None)


@contextmanager
def use_request_context(context: RequestContext) -> Iterator[RequestContext]:
    """Set the context for the enclosed block in this thread or task."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def current_trace_id() -> str:
    """Return the trace id (W3C Trace Context) of the current request; empty outside a request."""
    context = _current.get()
    return context.metadata.get("traceparent", "--").split("-")[1] if context else ""


def request_log_fields() -> dict[str, str]:
    """What log lines say of the current request; empty outside a request."""
    context = _current.get()
    if context is None:
        return {}
    fields = {
        "request_id": context.metadata.get("request_id", ""),
        "trace_id": current_trace_id(),
        "command_id": str(context.command_ids[-1]) if context.command_ids else "",
        "actor": context.actor(),
    }
    return {name: value for name, value in fields.items() if value}


def note_access(**notes: Unpack[AccessNotes]) -> None:
    """Add to what the access log records of the current request; no effect outside a request."""
    context = _current.get()
    if context is not None:
        context.access_notes.update(notes)


def add_request_metadata(envelope: Envelope) -> Envelope:
    """Return the envelope with the metadata of the current request; the envelope's own metadata wins."""
    context = _current.get()
    if context is None:
        return envelope
    context.record_command(envelope.command_id)
    return replace(envelope, metadata={**context.metadata, **envelope.metadata})
