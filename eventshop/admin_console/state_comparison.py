"""The page that compares states of a stream side by side: of two versions, or as of two times and now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_name
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html, field_label, format_value
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Meta
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.temporal_queries import HistoricalState
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff

#: A page does not fold longer streams.
MAX_EVENTS: Final = 20_000


class ChangeSource(NamedTuple):
    """An event that changed a field."""

    text: str
    url: str


class ComparedField(NamedTuple):
    """A field in each of the states, whether it differs, and the events that changed it from the first to the last."""

    name: str
    values: list[str | SafeString]
    changed: bool
    sources: list[ChangeSource]


class Comparison(NamedTuple):
    """Two or three states, the earliest one first, and the headings of their columns."""

    states: list[HistoricalState]
    headings: list[str | SafeString]


def yesterday_url(aggregate_id: UUID) -> str:
    """Where the state of this time yesterday stands beside the newest one."""
    yesterday = timezone.localtime(timezone.now() - timedelta(days=1))
    query = urlencode({"at": f"{yesterday:%Y-%m-%dT%H:%M:%S}"})
    return f"{reverse('admin:ops_stream_past', args=(aggregate_id,))}?{query}"


@only_staff("ops.view_stream")
@declare_access(Logged(Kind.STATE))
def state_comparison_page(request: HttpRequest, aggregate_id: UUID, model_admin: Any) -> TemplateResponse:
    """Compare versions, `?to=7&since=3`, or times, `?at=2026-01-31T12:00&against=2026-02-28T12:00&time=happened`.

    The newest state stands beside those of the times. Raises `Http404`.
    """
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
    if length > MAX_EVENTS:
        return {
            "problem": f"States can be compared in streams of up to {MAX_EVENTS:,} events; this one has {length:,}."
        }
    texts = [request.GET.get(name, "") for name in ("at", "against")]
    for text in filter(None, texts):
        if _parse_moment(text) is None:
            problem = f"{text} is not a time; enter it as 2026-01-31T12:00."
            return {"problem": problem, "length": length, "to": length, "since": length - 1}
    happened = request.GET.get("time") == "happened"
    moments = sorted(moment for text in texts if (moment := _parse_moment(text)))
    compared = (
        _compare_times(aggregate_id, moments, length, happened=happened)
        if moments
        else _compare_versions(request, aggregate_id, length)
    )
    since, shown = compared.states[0].version, compared.states[1]
    to, last = shown.version, shown.last
    return {
        "length": length,
        "to": to,
        "since": since,
        "as_of": texts[0],
        "against": texts[1],
        "happened": happened,
        "yesterday": yesterday_url(aggregate_id),
        "by_time": bool(moments),
        "last_event": _last_event_context(shown),
        "headings": compared.headings,
        "fields": _compare_fields(aggregate_id, compared, with_sources=not (moments and happened)),
        "earlier": _version_link(to - 1, since) if to > 0 else "",
        "later": _version_link(to + 1, since) if to < length else "",
        "event_url": event_url(last.position) if last else "",
    }


def _compare_versions(request: HttpRequest, aggregate_id: UUID, length: int) -> Comparison:
    to = _parse_version(request, "to", length, length)
    since = _parse_version(request, "since", max(to - 1, 0), to)
    earlier, later = (temporal_queries.load_at_version(aggregate_id, version) for version in (since, to))
    return Comparison([earlier, later], [f"Version {since}", f"Version {to}"])


def _compare_times(aggregate_id: UUID, moments: list[datetime], length: int, *, happened: bool) -> Comparison:
    """The states as of one or two times, and the newest one."""
    states = [temporal_queries.load_as_of(aggregate_id, moment, business=happened) for moment in moments]
    headings: list[str | SafeString] = [datetime_html(moment) for moment in moments]
    newest = temporal_queries.load_at_version(aggregate_id, length)
    return Comparison([*states, newest], [*headings, "Now"])


def _compare_fields(aggregate_id: UUID, compared: Comparison, *, with_sources: bool) -> list[ComparedField]:
    """Every field of the states, changed ones first.

    As it happened, a state need not be that of a version: then no event can be named for a change.
    """
    flat = [temporal_queries.flatten_state(state.state) for state in compared.states]
    first, last = compared.states[0].version, compared.states[-1].version
    changes = temporal_queries.diff_versions(aggregate_id, first, last) if with_sources else []
    sources = {change.field: [_change_source(meta) for meta in change.changed_by] for change in changes}
    rows = [
        ComparedField(
            field_label(name),
            [format_value(fields.get(name)) for fields in flat],
            any(fields.get(name) != flat[0].get(name) for fields in flat),
            sources.get(name, []),
        )
        for name in dict.fromkeys(name for fields in flat for name in fields)
    ]
    return sorted(rows, key=lambda row: not row.changed)


def _change_source(meta: Meta) -> ChangeSource:
    return ChangeSource(f"{meta.event_type} {meta.version}, {actor_name(meta.actor)}", event_url(meta.position))


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


def _parse_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else timezone.make_aware(moment)).astimezone(UTC)
    except (ValueError, OverflowError):  # the databases know the years 1 to 9999, in UTC
        return None


def _parse_version(request: HttpRequest, name: str, default: int, highest: int) -> int:
    text = request.GET.get(name, "")
    return min(int(text), highest) if text.isascii() and text.isdecimal() and len(text) < 10 else default
