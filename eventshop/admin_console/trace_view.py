"""The page that shows a trace as a tree, by any id of it."""

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
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff

#: The greatest indentation of the page; deeper nodes have the same.
MAX_INDENT: Final = 12


@only_staff("store.view_storedevent")
@declare_access(Logged(Kind.TRACE))
def trace_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The search form, and with `?id=` the trace. Status 404 if nothing has the id."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    searched_id, problem, tree = request.GET.get("id", "").strip(), "", {}
    if searched_id:
        try:
            tree = tree_context(build_tree(find_correlations(searched_id)), searched_id)
        except UnknownId as error:
            problem = str(error)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": StoredEvent._meta,
        "title": "Trace",
        "searched_id": searched_id,
        "problem": problem,
        **tree,
    }
    return TemplateResponse(request, "console/trace.html", context, status=404 if problem else 200)


def tree_context(tree: TraceTree, searched_id: str) -> dict[str, Any]:
    """The context of `templates/console/tree.html`."""
    return {
        "tree": [_row_context(row) for row in trace_rows(tree.roots, searched_id)],
        "shown_events": MAX_EVENTS if tree.is_truncated else 0,
    }


def _clock_time(moment: datetime) -> SafeString:
    """A `<time>` element with milliseconds; the title has the date."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        format_datetime_exact(moment),
        f"{timezone.localtime(moment):%H:%M:%S.%f}"[:-3],
    )


def _row_context(row: TraceRow) -> dict[str, Any]:
    return {
        "row": row,
        "node": row.node,
        "indent": min(row.depth, MAX_INDENT),
        "level": row.depth + 1,
        "time": _clock_time(row.node.time) if row.node.time else "",
    }
