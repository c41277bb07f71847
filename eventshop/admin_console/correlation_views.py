"""One story: as a tree, and every event of a correlation in order, each with its cause."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import NOTHING
from eventshop.admin_console.timeline import Line, lines
from eventshop.admin_console.trace.tree import tree_of
from eventshop.admin_console.trace_view import tree_context
from eventshop.eventstore.models import StoredEvent

PAGE: Final = 200


def page(request: HttpRequest, correlation_id: UUID, model_admin: Any) -> HttpResponse:
    """The events after a position, at most two hundred."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise Http404("after is a position")
    events = StoredEvent.objects.filter(correlation_id=correlation_id)
    found = list(events.filter(position__gt=int(after)).order_by("position")[: PAGE + 1])
    if not found and after == "0":
        raise Http404("no such correlation")
    shown = found[:PAGE]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": StoredEvent._meta,
        "title": "Correlation",
        "subtitle": str(correlation_id),
        "correlation_id": correlation_id,
        "lines": [(line, _cause(line, shown)) for line in lines(shown)],
        "streams": len({event.aggregate_id for event in shown}),
        "more_after": shown[-1].position if len(found) > PAGE else None,
        "from_start": after == "0",
        **(tree_context(tree_of([correlation_id]), "") if after == "0" else {}),
    }
    return TemplateResponse(request, "console/correlation.html", context)


def _cause(line: Line, shown: list[StoredEvent]) -> tuple[str, str]:
    causation_id = line.event.causation_id
    if causation_id is None:
        return NOTHING, ""
    for event in shown:
        if event.event_id == causation_id:
            return f"{event.event_type} {event.version}", event_url(event.position)
    return str(causation_id), ""
