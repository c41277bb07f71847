"""Addresses that only buttons send to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect


def post_only(redirect_to: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """For POST alone. Whoever opens the address otherwise is led to the page with the button.

    That happens to people: their session ends, they press the button, sign in, and are led back to this address.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def shown(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method in ("GET", "HEAD"):
                return redirect(redirect_to)
            if request.method != "POST":
                return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
            return view(request, *args, **kwargs)

        return shown

    return decorate
