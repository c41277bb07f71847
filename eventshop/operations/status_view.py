"""What works and what does not, in the words of those who use it."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.operations import health_checks

#: For each part: what it is to people, and what its outage means to them.
COMPONENT_TEXTS: Final = {
    "database": ("Orders, accounts and choices", "Nothing can be ordered or changed until it is back."),
    "event log": ("Passing on what was ordered", "Orders are accepted; lists and reports follow later."),
    "broker": ("Background work", "Orders are accepted; lists and reports follow later."),
    "relay": ("Passing on what was ordered to other systems", "Orders are accepted; other systems follow later."),
    "sagas": ("Reserving, paying and shipping", "Orders are accepted; some of them go on later."),
    "payments": ("Paying", "Orders are accepted; they are paid when it is back."),
    "publisher": ("Passing on lists to other systems", "Lists and reports here are right; other systems follow later."),
    "projections": ("Order lists and reports", "Orders are accepted; they appear in lists later."),
}


class StatusLine(NamedTuple):
    """One part of the page."""

    title: str
    ok: bool
    meaning: str


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The same checks as `/readyz`. While the database is away nobody can be recognised, so nobody is asked for."""
    parts = health_checks.check_components()
    up = parts[0].ok
    context = {"lines": [_status_line(part) for part in parts], "up": up, "fine": all(part.ok for part in parts)}
    return render(request, "pages/status.html" if up else "pages/status_down.html", context, status=200 if up else 503)


def _status_line(part: health_checks.ComponentHealth) -> StatusLine:
    title, meaning = COMPONENT_TEXTS.get(part.name, (part.name.capitalize(), "Other pages are not affected."))
    return StatusLine(title, part.ok, "" if part.ok else meaning)
