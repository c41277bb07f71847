"""The page that shows a trace as a tree, by any id of it."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.trace.lookup import UnknownId, find_correlations
from eventshop.admin_console.trace.render import TraceRow, trace_rows
from eventshop.admin_console.trace.tree import TraceTree, build_tree
from eventshop.datetimes import format_datetime_exact
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.declarations import Kind, Logged, declare_access
from eventshop.operations.rights import only_staff

#: Trees that are open at once; of more, only those with the searched id.
MAX_OPEN: Final = 3
#: The greatest indentation of the page; deeper nodes have the same.
MAX_INDENT: Final = 12


@only_staff("store.view_storedevent")
@declare_access(Logged(Kind.TRACE))
def trace_page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The search form, and with `?id=` the trace, from `?after=POSITION` on. Status 404 if nothing has the id."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    searched_id, problem, tree = request.GET.get("id", "").strip(), "", {}
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise Http404(f"after must be a position, not {after!r}")
    if searched_id:
        try:
            tree = tree_context(build_tree(find_correlations(searched_id), after=int(after)), searched_id)
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
    rows = iter(trace_rows(tree.roots, searched_id))
    trees = [[_row_context(row) for row in islice(rows, sum(1 for _ in root.walk()))] for root in tree.roots]
    return {
        "trees": [
            {
                "root": root,
                "rows": rows_of_root,
                "is_open": len(trees) <= MAX_OPEN or any(entry["row"].is_match for entry in rows_of_root),
            }
            for root, rows_of_root in zip(tree.roots, trees, strict=True)
        ],
        "shown_events": tree.events,
        "more": "?" + urlencode({"id": searched_id, "after": tree.more_after}) if tree.more_after else "",
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
        "bar": max(row.lasts, 1.0),  # what took no time is seen, too
    }
