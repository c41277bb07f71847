"""The public status page: which components work, in the users' words."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.operations import health_checks

#: For each component: its title for users, and what its outage means to them.
COMPONENT_TEXTS: Final = {
    "database": ("Orders and accounts", "You cannot order or change anything until it works again."),
    "event log": ("Event distribution", "Orders are accepted; lists and reports are updated later."),
    "event table": ("Event distribution", "Orders are accepted; lists and reports are updated later."),
    "divergence": ("Orders and accounts", "Orders may not be accepted until an operator has looked."),
    "broker": ("Background jobs", "Orders are accepted; lists and reports are updated later."),
    "relay": ("Event distribution to other systems", "Orders are accepted; other systems are updated later."),
    "sagas": ("Reserving, paying and shipping", "Orders are accepted; some are processed later."),
    "payments": ("Payments", "Orders are accepted; they are paid when it works again."),
    "venue": ("Trading", "Trades are accepted; they are sent to the venue when it works again."),
    "publisher": ("Lists in other systems", "Lists and reports here are correct; other systems are updated later."),
    "webhooks": ("Messages to other systems", "Orders are accepted; other systems are told later."),
    "letters": ("Letters by e-mail", "Orders are accepted; you get our letters later."),
    "erasures": ("Erasure of personal data", "Requests are accepted; they are carried out later."),
    "periodic jobs": ("Housekeeping", "Nothing that you see is affected."),
    "unreadable records": ("Event distribution", "Nothing that you see is affected."),
    "workers": ("Background work", "Orders are accepted; some are processed later."),
    "projections": ("Order lists and reports", "Orders are accepted; they appear in lists later."),
}


class StatusLine(NamedTuple):
    """One component on the page."""

    component: str
    title: str
    ok: bool
    meaning: str


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show the checks of `/readyz`. While the database is down a page without the user's session is shown."""
    parts = health_checks.check_components()
    up = parts[0].ok
    context = {"lines": [_status_line(part) for part in parts], "up": up, "fine": all(part.ok for part in parts)}
    return render(request, "pages/status.html" if up else "pages/status_down.html", context, status=200 if up else 503)


def _status_line(part: health_checks.ComponentHealth) -> StatusLine:
    title, meaning = COMPONENT_TEXTS.get(part.name, (part.name.capitalize(), "Other pages are not affected."))
    return StatusLine(part.name, title, part.ok, "" if part.ok else meaning)
