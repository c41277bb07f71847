"""The endpoint of the venue's reports."""

from __future__ import annotations

import logging
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.operations.rights import Audience, open_to
from eventshop.runtime.service_errors import MessageRefused
from eventshop.web.api.problem_details import problem_response, status_for
from eventshop.web.shared.attempt_limits import TooManyAttempts
from eventshop.web.webhooks.signed_notices import STATUS_OF_UNREADABLE, read_notice
from trading.application.venue_reports import book_report
from trading.domain.errors import UnknownTrade
from trading.venue.client import decode_report
from trading.venue.errors import VenueNotConfigured

log = logging.getLogger(__name__)

_NOT_FOUND: Final = 404


# No CSRF check: the report's signature protects this endpoint, which browsers do not call.
@open_to(Audience.SIGNATURE)
@csrf_exempt
@require_POST
def venue_report(request: HttpRequest) -> HttpResponse:
    """Answer 204 for a report that is booked. A refused one is logged and answered with problem details."""
    if not settings.VENUE_SECRET:
        return problem_response(_NOT_FOUND, VenueNotConfigured())
    try:
        notice_id, body = read_notice(request, settings.VENUE_SECRET, limit="venue-reports")
    except TooManyAttempts as error:
        response = problem_response(429, error)
        response["Retry-After"] = str(error.wait_s)
        return response
    except MessageRefused as error:
        return problem_response(STATUS_OF_UNREADABLE[type(error)], error)
    try:
        book_report(decode_report(body), report_id=derive_id("venue-notice", notice_id))
    except MessageRefused as error:
        log.warning("a report of the venue was refused: %s", error.code)
        return problem_response(STATUS_OF_UNREADABLE[type(error)], error)
    except UnknownTrade as error:
        log.warning("the venue reported of an order that is unknown here")
        return problem_response(_NOT_FOUND, error)
    except EventShopError as error:
        log.warning("a report of the venue was refused: %s", error.code)
        return problem_response(status_for(error), error)
    return HttpResponse(status=204)
