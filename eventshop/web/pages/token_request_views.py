"""What was sent with an API token: its commands and refusals, each with a request that does the same again."""

from __future__ import annotations

import re
import shlex
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from eventshop.eventstore.event_store import store
from eventshop.operations.models import WebRequest
from eventshop.operations.rights import Audience, open_to
from eventshop.web.models import ApiToken
from eventshop.web.pages.developer_views import Operation, operations_by_tag

PAGE_SIZE: Final = 20
_ROUTE_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_PATH_PARAMETER: Final = re.compile(r"\{\w+\}")
#: What such a header has in an example; all others may be left out.
_HEADERS: Final = {"Idempotency-Key": '"Idempotency-Key: $(uuidgen)"', "If-Match": "'If-Match: *'"}


class SentRequest(NamedTuple):
    """One request as it was recorded, its path as in the reference, and an example that can be sent again."""

    recorded: WebRequest
    path: str
    example: str


@open_to(Audience.SIGNED_IN)
@never_cache
@require_safe
@login_required
def token_requests(request: HttpRequest, token_id: int) -> HttpResponse:
    """The requests of one of the user's tokens, newest first."""
    token = get_object_or_404(ApiToken, pk=token_id, owner_id=request.user.pk)
    recorded = WebRequest.objects.filter(token=token.pk).order_by("-answered_at", "-request_id")
    page = Paginator(recorded, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request, "account/token_requests.html", {"token": token, "page": page, "sent": [_to_sent(one) for one in page]}
    )


def _to_sent(recorded: WebRequest) -> SentRequest:
    path = "/" + _ROUTE_PARAMETER.sub(r"{\1}", recorded.route)
    operations = (one for listed in operations_by_tag().values() for one in listed)
    operation = next((one for one in operations if (one.method, one.path) == (recorded.method, path)), None)
    return SentRequest(recorded, path, _example(recorded, operation) if operation else "")


def _example(recorded: WebRequest, operation: Operation) -> str:
    """The request as a line for a shell. Bodies are not kept, because they may be personal: it has the reference's."""
    required = {parameter["name"] for parameter in operation.parameters if parameter.get("required")}
    lines = [
        f'curl -sS -X {operation.method} "$SHOP{_fill_path(operation.path, recorded)}"',
        '-H "Authorization: Bearer $TOKEN"',
        *(f"-H {value}" for name, value in _HEADERS.items() if name in required),
        *([f"--json {shlex.quote(operation.request)}"] if operation.request else []),
    ]
    return " \\\n  ".join(lines)


def _fill_path(path: str, recorded: WebRequest) -> str:
    """The path with the id of what the request changed, where that is its only parameter."""
    if len(_PATH_PARAMETER.findall(path)) != 1 or not recorded.commands:
        return path
    events = store.events_of_command(UUID(recorded.commands.split()[0]))
    return _PATH_PARAMETER.sub(str(events[0].meta.aggregate_id), path) if events else path
