"""The page that compares two states of a stream: the later state, and what changed since the earlier one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html, field_label, format_value
from eventshop.core.errors import EventShopError
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.temporal_queries import ChangedField, HistoricalState
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff

#: A page does not fold longer streams.
MAX_EVENTS: Final = 20_000


class ChangeSource(NamedTuple):
    """An event that changed a field."""

    text: str
    url: str


class FieldChangeRow(NamedTuple):
    """A field that differs, with the events that changed it."""

    name: str
    before: str | SafeString
    after: str | SafeString
    sources: list[ChangeSource]


@only_staff("ops.view_stream")
@declare_access(Logged(Kind.STATE))
def state_comparison_page(request: HttpRequest, aggregate_id: UUID, model_admin: Any) -> TemplateResponse:
    """Compare by version, `?to=7&since=3`, or by time, `?at=2026-01-31T12:00&time=happened`. Raises `Http404`."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    newest = StoredEvent.objects.filter(aggregate_id=aggregate_id).order_by("-version").first()
    if newest is None:
        raise Http404(f"no stream has the id {aggregate_id}")
    context = {**model_admin.admin_site.each_context(request), "opts": model_admin.model._meta, "stream": newest}
    try:
        context |= _comparison_context(request, aggregate_id, newest.version)
    except EventShopError as error:
        context["problem"] = f"The state cannot be computed: {error}"
    title = f"States of {newest.aggregate_type} {aggregate_id}"
    return TemplateResponse(request, "console/state_comparison.html", context | {"title": title})


def _comparison_context(request: HttpRequest, aggregate_id: UUID, length: int) -> dict[str, Any]:
    as_of, happened = request.GET.get("at", ""), request.GET.get("time") == "happened"
    if length > MAX_EVENTS:
        return {
            "problem": f"States can be compared in streams of up to {MAX_EVENTS:,} events; this one has {length:,}."
        }
    moment = _parse_moment(as_of)
    if as_of and moment is None:
        return {
            "problem": f"{as_of} is not a time; enter it as 2026-01-31T12:00.",
            "length": length,
            "to": length,
            "since": length - 1,
        }
    to = _parse_version(request, "to", length, length)
    state_at = (
        temporal_queries.load_as_of(aggregate_id, moment, business=happened)
        if moment
        else temporal_queries.load_at_version(aggregate_id, to)
    )
    to = state_at.version
    since = _parse_version(request, "since", max(to - 1, 0), to)
    return {
        "length": length,
        "to": to,
        "since": since,
        "as_of": as_of,
        "happened": happened,
        "last_event": _last_event_context(state_at),
        "fields": [
            (field_label(name), format_value(value))
            for name, value in temporal_queries.flatten_state(state_at.state).items()
        ],
        "changes": [_change_row(change) for change in temporal_queries.diff_versions(aggregate_id, since, to)],
        "earlier": _version_link(to - 1, since) if to > 0 else "",
        "later": _version_link(to + 1, since) if to < length else "",
        "event_url": event_url(state_at.last.position) if state_at.last else "",
    }


def _version_link(to: int, since: int) -> str:
    """The query string that shows version `to`, compared with the same earlier version where possible."""
    return "?" + urlencode({"to": to, "since": min(since, to)})


def _last_event_context(state_at: HistoricalState) -> dict[str, Any]:
    last = state_at.last
    if last is None:
        return {}
    return {
        "event": last.event_type,
        "actor": last.actor,
        "occurred": datetime_html(last.occurred_at),
        "recorded": datetime_html(last.recorded_at),
    }


def _change_row(change: ChangedField) -> FieldChangeRow:
    sources = [
        ChangeSource(f"{meta.event_type} {meta.version}, {actor_name(meta.actor)}", event_url(meta.position))
        for meta in change.changed_by
    ]
    return FieldChangeRow(field_label(change.field), format_value(change.before), format_value(change.after), sources)


def _parse_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else timezone.make_aware(moment)).astimezone(UTC)
    except (ValueError, OverflowError):  # the databases know the years 1 to 9999, in UTC
        return None


def _parse_version(request: HttpRequest, name: str, default: int, highest: int) -> int:
    text = request.GET.get(name, "")
    return min(int(text), highest) if text.isascii() and text.isdecimal() and len(text) < 10 else default
