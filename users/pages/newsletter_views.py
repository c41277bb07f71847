"""The page behind the link of a newsletter: it withdraws the consent, and needs no sign-in."""

from __future__ import annotations

from contextlib import suppress

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from eventshop.core.errors import CommandRefused
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.operations.rights import Audience, open_to
from users.application.newsletters import PURPOSE, person_from_link
from users.domain.commands import WithdrawConsent


# No CSRF check: mail programs post here by themselves (RFC 8058), and the link is the secret.
@open_to(Audience.LINK)
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave_newsletter(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, and with POST withdraw the consent to newsletters. To have none any more is no error."""
    person = person_from_link(token)
    if person is None:
        return render(request, "account/link_expired.html", status=410)
    if request.method == "POST":
        with suppress(CommandRefused):  # erased meanwhile
            command_dispatcher.send(WithdrawConsent(person, PURPOSE), envelope=Envelope(new_id(), actor=str(person)))
    return render(request, "users/newsletter.html", {"is_done": request.method == "POST"})
