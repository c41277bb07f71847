"""The view that live.js requests: it tells a page about changes, as an event stream or by polling."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from eventshop.operations.rights import Audience, open_to
from eventshop.web.live import subscriptions
from eventshop.web.live.sse_response import open_stream


@open_to(Audience.OWNER)
@never_cache
@require_GET
def follow(request: HttpRequest, name: str, key: UUID) -> HttpResponseBase:
    """An event stream for `Accept: text/event-stream`; otherwise 200 if the mark differs from `after`, else 204.

    Status 204 for a stream means that no stream is available: the browser does not reconnect, and the script polls.
    """
    source = _require_source(request, name, key)
    mark, shown_mark = source.read_marks([key]).get(key, 0), _shown_mark(request)
    if "text/event-stream" in request.headers.get("Accept", ""):
        return open_stream(request, source, key, mark=mark, shown_mark=shown_mark) or HttpResponse(status=204)
    return HttpResponse(status=204) if mark == shown_mark else HttpResponse(str(mark), content_type="text/plain")


def _require_source(request: HttpRequest, name: str, key: UUID) -> subscriptions.LiveSource:
    try:
        source = subscriptions.find_source(name)
    except subscriptions.UnknownSource as error:
        raise Http404 from error
    if not request.user.is_authenticated:
        raise PermissionDenied
    if not source.is_allowed(request, key):
        raise Http404
    return source


def _shown_mark(request: HttpRequest) -> int:
    """The mark that the page shows: the last one it received, or else the one it was rendered with; -1 if invalid."""
    text = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
