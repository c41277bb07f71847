"""The home page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.operations.rights import Audience, open_to


@open_to(Audience.EVERYBODY)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The home page, with links for visitors and for customers."""
    return render(request, "pages/home.html")
