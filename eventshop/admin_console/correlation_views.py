"""The page of a correlation: the trace as a tree, and every event in order with its cause."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import EMPTY_VALUE
from eventshop.admin_console.timeline import TimelineRow, timeline_rows
from eventshop.admin_console.trace.tree import build_tree
from eventshop.admin_console.trace_view import tree_context
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff

PAGE_SIZE: Final = 200


@only_staff("store.view_storedevent")
@declare_access(Logged(Kind.TRACE))
def correlation_page(request: HttpRequest, correlation_id: UUID, model_admin: Any) -> HttpResponse:
    """At most `PAGE_SIZE` events of a correlation, from `?after=POSITION` on. Raises `Http404`."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise Http404(f"after must be a position, not {after!r}")
    events = StoredEvent.objects.filter(correlation_id=correlation_id)
    events_and_next = list(events.filter(position__gt=int(after)).order_by("position")[: PAGE_SIZE + 1])
    if not events_and_next and after == "0":
        raise Http404(f"no event has the correlation id {correlation_id}")
    shown = events_and_next[:PAGE_SIZE]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": StoredEvent._meta,
        "title": "Correlation",
        "subtitle": str(correlation_id),
        "correlation_id": correlation_id,
        "rows": [(row, _find_cause(row, shown)) for row in timeline_rows(shown)],
        "streams": len({event.aggregate_id for event in shown}),
        "more_after": shown[-1].position if len(events_and_next) > PAGE_SIZE else None,
        "from_start": after == "0",
        **(tree_context(build_tree([correlation_id]), str(correlation_id)) if after == "0" else {}),
    }
    return TemplateResponse(request, "console/correlation.html", context)


def _find_cause(row: TimelineRow, shown: list[StoredEvent]) -> tuple[str, str]:
    """Text and address of the event that caused this one; without an address if it is not on this page."""
    causation_id = row.event.causation_id
    if causation_id is None:
        return EMPTY_VALUE, ""
    for event in shown:
        if event.event_id == causation_id:
            return f"{event.event_type} {event.version}", event_url(event.position)
    return str(causation_id), ""
