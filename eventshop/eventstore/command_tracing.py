"""The spans of commands: each is a child of what caused it, and the events of the command carry its traceparent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from msgspec.structs import replace

from eventshop.core.messages import Command, Envelope
from eventshop.runtime import tracing

CommandPair: TypeAlias = tuple[Command, Envelope]


@contextmanager
def command_spans(pairs: Sequence[CommandPair]) -> Iterator[list[CommandPair]]:
    """Spans around the sending of commands; yields the commands with envelopes that carry their traceparents."""
    outer = tracing.current_traceparent()
    with ExitStack() as stack:
        traced = list[CommandPair]()
        for command, envelope in pairs:
            parent = envelope.metadata.get("traceparent") or outer
            opened = tracing.span("command", type(command).__name__, parent=parent, command_id=str(envelope.command_id))
            metadata = {**envelope.metadata, "traceparent": stack.enter_context(opened)}
            traced.append((command, replace(envelope, metadata=metadata)))
        yield traced
