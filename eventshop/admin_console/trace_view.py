"""The page that shows a story as a tree, by any id of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.trace.lookup import UnknownId, find_correlations
from eventshop.admin_console.trace.render import TraceRow, trace_rows
from eventshop.admin_console.trace.tree import MAX_EVENTS, TraceTree, build_tree
from eventshop.datetimes import format_datetime_exact
from eventshop.eventstore.models import StoredEvent

#: How deep the page indents; deeper ones stand below each other.
MAX_INDENT: Final = 12


def trace_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Without an id, the form that asks for one; 404 with the form for an id that nothing has."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    searched_id, problem, tree = request.GET.get("id", "").strip(), "", {}
    if searched_id:
        try:
            tree = tree_context(build_tree(find_correlations(searched_id)), searched_id)
        except UnknownId as unknown:
            problem = str(unknown)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": StoredEvent._meta,
        "title": "Trace",
        "asked": searched_id,
        "problem": problem,
        **tree,
    }
    return TemplateResponse(request, "console/trace.html", context, status=404 if problem else 200)


def tree_context(tree: TraceTree, searched_id: str) -> dict[str, Any]:
    """What `console/tree.html` shows."""
    return {
        "tree": [_row_context(line) for line in trace_rows(tree.roots, searched_id)],
        "cut": MAX_EVENTS if tree.is_truncated else 0,
    }


def _clock_time(moment: datetime) -> SafeString:
    """The time of day to the millisecond; the day stands in the title, and in the list of events."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        format_datetime_exact(moment),
        f"{timezone.localtime(moment):%H:%M:%S.%f}"[:-3],
    )


def _row_context(line: TraceRow) -> dict[str, Any]:
    return {
        "line": line,
        "node": line.node,
        "indent": min(line.depth, MAX_INDENT),
        "level": line.depth + 1,
        "when": _clock_time(line.node.time) if line.node.time else "",
    }
