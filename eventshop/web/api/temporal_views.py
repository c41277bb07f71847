"""Temporal queries: the state of an aggregate at a version or time, and the changes between two points with causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Instant, Meta
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.eventstore.temporal_queries import ChangedField, HistoricalState
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView
from eventshop.web.api.event_feed_views import read_instant, read_integer, require_event_access
from eventshop.web.api.pagination import invalid_parameter, refuse_unknown_parameters
from eventshop.web.shared.errors import NotFound, StreamTooLong

#: The longest stream, in events, that is folded within a request.
MAX_EVENTS: Final = 20_000
_MAX_VERSION: Final = 2**31 - 1


class Cause(Struct, frozen=True):
    """An event that caused a change, with its actor, its command, and its correlation and causation ids."""

    event_id: UUID
    type: str
    version: int
    actor: str
    occurred_at: Instant
    recorded_at: Instant
    command: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None


class StreamState(Struct, frozen=True):
    """The state of an aggregate. `because` is the last event that it contains; null before the first event."""

    aggregate_id: UUID
    aggregate_type: str
    version: int
    state: dict[str, Any]
    because: Cause | None


class FieldChange(Struct, frozen=True):
    """One changed field, by its path (`lines.1.quantity`). `by` lists the events that changed it, in order."""

    field: str
    before: Any
    after: Any
    by: list[Cause]


class StreamDiff(Struct, frozen=True):
    """The changes between two versions of an aggregate; version 0 is the state before the first event."""

    aggregate_id: UUID
    from_version: int
    to_version: int
    changes: list[FieldChange]


class State(ApiView):
    """The state of one aggregate after a version or as of a time; without either, the current state.

    Personal values are masked. With `time=happened`, `as_of` selects by the time when events happened, not by the time
    when they were recorded.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (VIEW_EVENTS,))}
    access = Logged(Kind.STATE)
    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("at_version", "as_of", "time")
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": StreamState}

    def get(self, request: Request, aggregate_id: UUID) -> Response:
        refuse_unknown_parameters(request, self.parameters)
        require_event_access(request)
        _current_version(aggregate_id)
        historical = _read_state(request, aggregate_id)
        causes = _causes([historical.last] if historical.last else [])
        return _to_response(
            StreamState(
                aggregate_id,
                type(historical.state).__name__,
                historical.version,
                msgspec.to_builtins(historical.state, str_keys=True),
                causes[historical.version] if historical.last else None,
            )
        )


class Diff(ApiView):
    """The changes of one aggregate between two versions or times, field by field, with their causes.

    From `from_version` or `since` to `at_version` or `as_of`. The defaults are the state before the first event and the
    current state.
    """

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.NOBODY, (VIEW_EVENTS,))}
    access = Logged(Kind.STATE)
    scopes: ClassVar[dict[str, str]] = {"GET": "events:read"}
    parameters: ClassVar[tuple[str, ...]] = ("from_version", "since", "at_version", "as_of")
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": StreamDiff}

    def get(self, request: Request, aggregate_id: UUID) -> Response:
        refuse_unknown_parameters(request, self.parameters)
        require_event_access(request)
        newest = _current_version(aggregate_id)
        first = _resolve_version(request, aggregate_id, "from_version", "since", default=0, newest=newest)
        last = _resolve_version(request, aggregate_id, "at_version", "as_of", default=newest, newest=newest)
        if first > last:
            raise invalid_parameter("from_version", f"is {first}, which is after version {last}")
        changes = temporal_queries.diff_versions(aggregate_id, first, last, masked=True)
        causes = _causes(meta for change in changes for meta in change.changed_by)
        field_changes = [_field_change(change, causes) for change in changes]
        return _to_response(StreamDiff(aggregate_id, first, last, field_changes))


def _read_state(request: Request, aggregate_id: UUID) -> HistoricalState:
    as_of, business = read_instant(request, "as_of"), _uses_business_time(request)
    if as_of is None:
        version = (
            read_integer(request, "at_version", _MAX_VERSION) if "at_version" in request.query_params else _MAX_VERSION
        )
        return temporal_queries.load_at_version(aggregate_id, version, masked=True)
    if "at_version" in request.query_params:
        raise invalid_parameter("at_version", "cannot be combined with as_of")
    return temporal_queries.load_as_of(aggregate_id, as_of, business=business, masked=True)


def _uses_business_time(request: Request) -> bool:
    time = request.query_params.get("time", "recorded")
    if "time" in request.query_params and "as_of" not in request.query_params:
        raise invalid_parameter("time", "requires as_of")
    if time not in ("recorded", "happened"):
        raise invalid_parameter("time", "must be recorded or happened")
    return time == "happened"


def _resolve_version(
    request: Request, aggregate_id: UUID, by_version: str, by_time: str, *, default: int, newest: int
) -> int:
    """The version given by the parameter `by_version`, or reached at the time given by `by_time`."""
    as_of = read_instant(request, by_time)
    if as_of is None:
        return read_integer(request, by_version, _MAX_VERSION) if by_version in request.query_params else default
    if by_version in request.query_params:
        raise invalid_parameter(by_version, f"cannot be combined with {by_time}")
    return min(newest, store.version_as_of(aggregate_id, as_of))


def _current_version(aggregate_id: UUID) -> int:
    """The stream's current version; raises `NotFound` or `StreamTooLong`."""
    versions = StoredEvent.objects.filter(aggregate_id=aggregate_id).order_by("-version")
    newest = versions.values_list("version", flat=True).first()
    if newest is None:
        raise NotFound
    if newest > MAX_EVENTS:
        raise StreamTooLong(events=newest, longest=MAX_EVENTS)
    return newest


def _causes(metas: Iterable[Meta]) -> dict[int, Cause]:
    """The causes by version. One statement loads the command names from the receipts."""
    by_version = {meta.version: meta for meta in metas}
    receipts = StoredReceipt.objects.filter(command_id__in={meta.command_id for meta in by_version.values()})
    commands = dict(receipts.values_list("command_id", "command_type"))
    return {version: _cause(meta, commands.get(meta.command_id, "")) for version, meta in by_version.items()}


def _cause(meta: Meta, command: str) -> Cause:
    return Cause(
        meta.event_id,
        meta.event_type,
        meta.version,
        meta.actor,
        meta.occurred_at,
        meta.recorded_at,
        command,
        meta.command_id,
        meta.correlation_id,
        meta.causation_id,
    )


def _field_change(change: ChangedField, causes: dict[int, Cause]) -> FieldChange:
    return FieldChange(change.field, change.before, change.after, [causes[meta.version] for meta in change.changed_by])


def _to_response(body: Struct) -> Response:
    return Response(msgspec.to_builtins(body))
