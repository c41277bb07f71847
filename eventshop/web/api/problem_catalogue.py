"""Every problem that an answer can tell of: the list in docs/, and the page that the `type` of each leads to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from typing import Final, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.errors import EventShopError
from eventshop.web.api.problem_details import status_for_class
from eventshop.web.shared.errors import RequestError

FILE: Final = settings.BASE_DIR / "docs" / "problems.md"
#: Where the errors stand that a request can meet; all are loaded whenever the program runs.
_ERROR_MODULES: Final = (
    "eventshop.core.errors",
    "eventshop.web.shared.errors",
    "eventshop.web.webhooks.url_policy",
    "orders.domain.errors",
    "users.domain.errors",
    "trading.domain.errors",
)
#: What a program does about it; a status without a line here is a fault of the list.
_ADVICE: Final = {
    400: "The request itself is wrong, and wrong again if it is sent again: errors names the part. Mend that part.",
    401: "Send a token that is valid now, Authorization: Bearer …. Its owner makes and revokes tokens on the page "
    "Tokens for programs.",
    403: "Sent again it is refused again. Use a token that was made for this, or ask staff for the permission.",
    404: "Look for a wrong id. What belongs to somebody else is told of in the same way.",
    405: "The header Allow lists the methods that this address has.",
    406: "Accept application/json.",
    409: "Nothing was changed. Read the resource again, see from its state what can be done now, and send another "
    "command with a new Idempotency-Key.",
    412: "Nothing was changed. Read the resource again, look at what has changed, and if the command still makes sense "
    "send it with the new version in If-Match.",
    413: "Send less at once.",
    415: "Send the body as Content-Type: application/json.",
    422: "Nothing was changed, and the same request is refused whatever happens. errors points into the body; "
    "mend that part.",
    428: "Read the resource and send its ETag as If-Match, so that nothing is overwritten that you have not seen.",
    429: "Wait as many seconds as Retry-After says. RateLimit-Remaining tells how many requests are left.",
    500: "It is not known whether the command was accepted. Send it again with the same Idempotency-Key, which never "
    "does it twice. If it goes on, tell us the trace_id.",
    503: "Wait as many seconds as Retry-After says and send the same request again, a command with the same "
    "Idempotency-Key.",
}


class CatalogueEntry(NamedTuple):
    """One problem: what it means, in its own words and, where there are more, in full."""

    code: str
    status: int
    meaning: str
    details: str

    @property
    def advice(self) -> str:
        return _ADVICE[self.status]


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Every code that an answer can have, in order."""
    kinds = {it.code: it for it in _error_classes(EventShopError) if _status_for(it) < 500 or issubclass(it, RequestError)}
    return {code: _entry_for(kinds[code]) for code in sorted(kinds)}


def render_markdown() -> str:
    """What docs/problems.md must hold; the tests compare."""
    lines = [f"| `{it.code}` | {it.status} | {_escape_cell(it.meaning)} |" for it in catalogue().values()]
    return "\n".join([*_HEADER, *lines, ""])


_HEADER: Final = (
    "# Problems",
    "",
    "Every `code` that an answer of the [API](api.md) can have, and its status. A code never changes; `detail` tells",
    "the particulars, `errors` where in the request it is; `type` leads to a page that says what to do,",
    "`/problems/CODE`. `manage.py export_openapi` writes this list.",
    "",
    "| code | status | what it means |",
    "|---|---|---|",
)


@require_safe
def problem_list(request: HttpRequest) -> HttpResponse:
    """All of them."""
    return render(request, "pages/problems.html", {"problems": catalogue().values()})


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """One of them, and what to do about it."""
    entry = catalogue().get(code)
    if entry is None:
        raise Http404
    return render(request, "pages/problem.html", {"problem": entry})


def _error_classes(base: type[EventShopError]) -> Iterator[type[EventShopError]]:
    """Every kind of error of the program, the nearest to the root last: it gives a shared code its meaning."""
    for subclass in base.__subclasses__():
        yield from _error_classes(subclass)
    if base.__module__ in _ERROR_MODULES:
        yield base


def _entry_for(error_class: type[EventShopError]) -> CatalogueEntry:
    meaning, _, details = cleandoc(error_class.__doc__ or "").partition("\n")
    return CatalogueEntry(error_class.code, _status_for(error_class), meaning, " ".join(details.split()))


def _status_for(error_class: type[EventShopError]) -> int:
    return error_class.status if issubclass(error_class, RequestError) else status_for_class(error_class)


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|")
