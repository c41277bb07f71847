"""Where a visitor goes on who was sent aside, for example to sign in: `?next=/checkout/`."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

PARAMETER: Final = "next"
#: A longer path is dropped: it goes into a link of an e-mail.
MAX_LENGTH: Final = 300


def return_path(request: HttpRequest) -> str:
    """The path on this site that the visitor comes back to; empty without one, and for another site's."""
    path = request.POST.get(PARAMETER) or request.GET.get(PARAMETER, "")
    is_own = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_own and len(path) <= MAX_LENGTH and "\n" not in path else ""


def with_return(url: str, path: str) -> str:
    """A URL that leads back to a path afterwards; the URL alone without a path."""
    return f"{url}?{urlencode({PARAMETER: path}, safe='/')}" if path else url
