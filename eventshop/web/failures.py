"""The answer to a request that failed: 503 while the database is away, 500 otherwise; never a stack trace."""

from __future__ import annotations

import sys
from typing import Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

#: What `Retry-After` asks for; a restarted PostgreSQL is back within seconds.
RETRY_AFTER_S: Final = 5


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        response = HttpResponse(loader.render_to_string("503.html"), status=503)
        response["Retry-After"] = str(RETRY_AFTER_S)
        return response
    return HttpResponse(loader.render_to_string("500.html"), status=500)
