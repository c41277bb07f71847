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

from eventshop.admin_console.trace.lookup import UnknownId, stories_of
from eventshop.admin_console.trace.render import TraceLine, lines
from eventshop.admin_console.trace.tree import MOST, Tree, tree_of
from eventshop.datetimes import exact_text
from eventshop.eventstore.models import StoredEvent

#: How deep the page indents; deeper ones stand below each other.
INDENTS: Final = 12


def page(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Without an id, the form that asks for one; 404 with the form for an id that nothing has."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    asked, problem, shown = request.GET.get("id", "").strip(), "", {}
    if asked:
        try:
            shown = tree_context(tree_of(stories_of(asked)), asked)
        except UnknownId as unknown:
            problem = str(unknown)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": StoredEvent._meta,
        "title": "Trace",
        "asked": asked,
        "problem": problem,
        **shown,
    }
    return TemplateResponse(request, "console/trace.html", context, status=404 if problem else 200)


def tree_context(tree: Tree, asked: str) -> dict[str, Any]:
    """What `console/tree.html` shows."""
    return {"tree": [_shown(line) for line in lines(tree.roots, asked)], "cut": MOST if tree.cut else 0}


def _clock(moment: datetime) -> SafeString:
    """The time of day to the millisecond; the day stands in the title, and in the list of events."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        exact_text(moment),
        f"{timezone.localtime(moment):%H:%M:%S.%f}"[:-3],
    )


def _shown(line: TraceLine) -> dict[str, Any]:
    return {
        "line": line,
        "node": line.node,
        "indent": min(line.depth, INDENTS),
        "level": line.depth + 1,
        "when": _clock(line.node.at) if line.node.at else "",
    }
