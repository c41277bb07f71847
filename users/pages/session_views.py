"""The page that shows where a user is signed in, and ends one session or all others."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.post_only import post_only
from eventshop.web.shared.logins import login_of
from users.application.signed_in_sessions import end_other_sessions, end_sessions, own_sessions


@open_to(Audience.SIGNED_IN)
@never_cache
@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """The user's sessions; those that began before this release are not listed, and end with the others."""
    own = own_sessions(login_of(request).pk)
    context = {"sessions": [(one, one.session_key == request.session.session_key) for one in own]}
    return render(request, "account/sessions.html", context)


@open_to(Audience.SIGNED_IN)
@post_only("users:sessions")
@login_required
def end_one(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one session of the user."""
    if not end_sessions(own_sessions(login_of(request).pk).filter(pk=session_id)):
        raise Http404
    messages.success(request, "The session is ended.")
    return redirect("users:sessions")


@open_to(Audience.SIGNED_IN)
@post_only("users:sessions")
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """End all sessions of the user but this one."""
    ended = end_other_sessions(request, login_of(request))
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return redirect("users:sessions")
