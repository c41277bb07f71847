"""The problem catalogue: every problem code, as docs/problems.md and as the pages that a problem's `type` links to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from types import ModuleType
from typing import Final, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.errors import EventShopError
from eventshop.operations.rights import Audience, open_to
from eventshop.web.api.problem_details import status_for_class
from eventshop.web.shared.errors import RequestError

FILE: Final = settings.BASE_DIR / "docs" / "problems.md"
#: The modules whose errors can reach an API client, by name; plug-ins add theirs.
_error_modules: Final[set[str]] = set()
#: Advice for API clients by HTTP status. A status without an entry raises `KeyError`, which a test detects.
_ADVICE: Final = {
    400: "The request is invalid and will be refused again if it is repeated unchanged. Correct the part that errors "
    "names.",
    401: "Send a valid token as Authorization: Bearer …. You create and revoke tokens on the page API tokens.",
    403: "The same request will be refused again. Use a token with the required scope, or ask for the permission.",
    404: "Check the id. Resources of other users are reported as not found, too.",
    405: "Use one of the methods that the header Allow lists.",
    406: "Accept application/json.",
    409: "Nothing was changed. Read the resource again, decide from its state which command is possible, and send it "
    "with a new Idempotency-Key.",
    412: "Nothing was changed. Read the resource again, check what has changed, and send the command with the new "
    "version in If-Match if it still applies.",
    413: "Send a smaller request.",
    415: "Send the body as Content-Type: application/json.",
    422: "Nothing was changed. The same request will always be refused: correct the part of the body that errors "
    "points to.",
    428: "Read the resource and send its ETag as If-Match, so that you do not overwrite a change unseen.",
    429: "Wait for the number of seconds in Retry-After. RateLimit-Remaining is the number of requests that are left.",
    500: "The command may or may not have been accepted. Repeat it with the same Idempotency-Key: it is never executed "
    "twice. If the problem persists, report the trace_id.",
    503: "Wait for the number of seconds in Retry-After and repeat the same request; repeat a command with the same "
    "Idempotency-Key.",
}


def add_error_module(module: ModuleType) -> None:
    """List the error classes of this module, too."""
    _error_modules.add(module.__name__)


class CatalogueEntry(NamedTuple):
    """One problem. `meaning` is one sentence; `details` is further text, often empty."""

    code: str
    status: int
    meaning: str
    details: str

    @property
    def advice(self) -> str:
        return _ADVICE[self.status]


@cache
def catalogue() -> dict[str, CatalogueEntry]:
    """All problems that a response can have, by code, sorted. Internal errors are all reported as `internal-error`."""
    error_classes = {
        error_class.code: error_class
        for error_class in _error_classes(EventShopError)
        if _status_for(error_class) < 500 or issubclass(error_class, RequestError)
    }
    return {code: _entry_for(error_classes[code]) for code in sorted(error_classes)}


def render_markdown() -> str:
    """The contents of docs/problems.md; a test compares them with the file."""
    rows = [f"| `{entry.code}` | {entry.status} | {_escape_cell(entry.meaning)} |" for entry in catalogue().values()]
    return "\n".join([*_HEADER, *rows, ""])


_HEADER: Final = (
    "# Problems",
    "",
    "Every problem `code` of the [API](api.md), with its HTTP status. A code never changes. In a response, `detail`",
    "describes the particular case, `errors` lists the invalid parts of the request, and `type` links to the page",
    "`/problems/CODE`, which says what to do. `manage.py export_openapi` writes this list.",
    "",
    "| code | status | meaning |",
    "|---|---|---|",
)


@open_to(Audience.EVERYBODY)
@require_safe
def problem_list(request: HttpRequest) -> HttpResponse:
    """The page that lists all problems."""
    return render(request, "pages/problems.html", {"problems": catalogue().values()})


@open_to(Audience.EVERYBODY)
@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """The page of one problem, with advice."""
    entry = catalogue().get(code)
    if entry is None:
        raise Http404
    return render(request, "pages/problem.html", {"problem": entry})


def _error_classes(base: type[EventShopError]) -> Iterator[type[EventShopError]]:
    """All error classes below `base`, parents after subclasses: a code shared by several has its parent's text."""
    for subclass in base.__subclasses__():
        yield from _error_classes(subclass)
    if base.__module__ in _error_modules:
        yield base


def _entry_for(error_class: type[EventShopError]) -> CatalogueEntry:
    meaning, _, details = cleandoc(error_class.__doc__ or "").partition("\n")
    return CatalogueEntry(error_class.code, _status_for(error_class), meaning, " ".join(details.split()))


def _status_for(error_class: type[EventShopError]) -> int:
    return error_class.status if issubclass(error_class, RequestError) else status_for_class(error_class)


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|")
