"""Makes spans with OpenTelemetry's SDK and exports them: by OTLP to a collector, or as lines of JSON to a file.

The SDK reads the rest of the standard's environment: headers, sampler, limits of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from eventshop.runtime import tracing
from eventshop.runtime.log_errors import describe_error
from eventshop.runtime.process_name import process_name

#: Links of one span; the SDK keeps no more.
MAX_LINKS: Final = 128


def start_tracing(*, service: str, endpoint: str, file: str) -> None:
    """Switch tracing on for this process, to an endpoint, a file or both."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.instance.id": process_name()})
    )
    if endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if file:  # at once: a process that is killed has written all its spans
        out = open(file, "a", encoding="utf-8")  # noqa: SIM115  (for as long as the process runs)
        exporter = ConsoleSpanExporter(out=out, formatter=lambda span: f"{span.to_json(indent=None)}\n")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use_tracer(SdkTracer(provider.get_tracer("eventshop")))


class SdkTracer:
    """Makes spans with a tracer of the SDK."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def span(
        self, name: str, kind: str, parent: str, causes: Iterable[str], root: bool, attributes: dict[str, str | int]
    ) -> _OpenSpan:
        linked = {cause: found for cause in causes if cause and (found := _parse(cause)) is not None}
        if not (parent or root) and len(linked) == 1:
            parent, linked = next(iter(linked)), {}
        remote = _parse(parent) if parent else None
        context = None  # of the span that encloses it
        if remote is not None:
            context = trace.set_span_in_context(NonRecordingSpan(remote))
        elif linked or root:
            context = otel_context.Context()
        links = [Link(found) for found in list(linked.values())[:MAX_LINKS]]
        span_kind = SpanKind[kind.upper()]
        return _OpenSpan(self._tracer.start_span(name, context, span_kind, dict(attributes), links))

    def annotate(self, name: str, attributes: dict[str, str | int]) -> None:
        span = trace.get_current_span()
        if name:
            span.update_name(name)
        span.set_attributes(attributes)

    def current(self) -> str:
        return _traceparent(trace.get_current_span().get_span_context())


class _OpenSpan:
    """A span that is the present one inside its block. Of an error it records no message, which may quote anything."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def __enter__(self) -> str:
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        return _traceparent(self._span.get_span_context())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        otel_context.detach(self._token)
        if error is not None:
            self._span.set_status(Status(StatusCode.ERROR, describe_error(error)))
        self._span.end()


def _traceparent(context: SpanContext) -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _parse(traceparent: str) -> SpanContext | None:
    try:
        _, trace_id, span_id, flags = traceparent.split("-")[:4]
        context = SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    except ValueError:
        return None
    return context if context.is_valid else None
