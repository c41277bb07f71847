"""Spans of OpenTelemetry around the work of a request, a command, a batch or an effect; nothing at all while off.

A span's context travels as a `traceparent` (W3C Trace Context): in the metadata of events, in the rows of sagas, in the
header of a Kafka record or of a request to others. `trace_export` switches it on. While it is off, `span` costs a call,
and a traceparent that came with a cause goes on to what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol


class Tracer(Protocol):
    """What makes spans: see `trace_export.SdkTracer`."""

    def span(
        self, name: str, kind: str, parent: str, causes: Iterable[str], root: bool, attributes: dict[str, str | int]
    ) -> AbstractContextManager[str]: ...

    def annotate(self, name: str, attributes: dict[str, str | int]) -> None: ...

    def current(self) -> str: ...


_OFF: Final = nullcontext("")
_tracer: Tracer | None = None


def use_tracer(tracer: Tracer | None) -> None:
    """Switch tracing on, or off with None, for this process."""
    global _tracer
    _tracer = tracer


def is_on() -> bool:
    return _tracer is not None


def span(
    work: str,
    subject: str = "",
    *,
    kind: str = "internal",
    parent: str = "",
    causes: Iterable[str] = (),
    root: bool = False,
    **attributes: str | int,
) -> AbstractContextManager[str]:
    """A span around the enclosed block; yields its traceparent, empty while tracing is off.

    It is a child of `parent`, otherwise of the only one of `causes`, otherwise of the span that encloses it. Several
    causes, or those of a `root`, are links. Attributes hold ids and names, never personal data. `kind` is one of
    OpenTelemetry's span kinds.
    """
    if _tracer is None:
        return _OFF
    return _tracer.span(f"{work} {subject}" if subject else work, kind, parent, causes, root, attributes)


def annotate(name: str = "", **attributes: str | int) -> None:
    """Rename the present span, and add attributes to it."""
    if _tracer is not None:
        _tracer.annotate(name, attributes)


def current_traceparent() -> str:
    """The traceparent of the present span; empty without one."""
    return _tracer.current() if _tracer is not None else ""


def as_metadata(traceparent: str) -> dict[str, str]:
    """A traceparent as metadata of an event or as header of a request; nothing if it is empty."""
    return {"traceparent": traceparent} if traceparent else {}


def outgoing_headers() -> dict[str, str]:
    """The header that tells the receiver of a request which span it belongs to."""
    return as_metadata(current_traceparent())
