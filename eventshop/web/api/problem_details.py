"""Problem details (RFC 9457): the response for an error, and the one table that maps errors to HTTP statuses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

from eventshop.core import errors
from eventshop.core.errors import EventShopError
from eventshop.core.request_context import current_trace_id
from eventshop.operations.request_log import PROBLEM_CODE
from eventshop.web.shared.errors import RequestError

#: An error has the status of its nearest base class in this table.
STATUS: Final[dict[type[EventShopError], int]] = {
    EventShopError: 500,
    errors.InvalidMessage: 422,
    errors.EventTooLarge: 413,
    errors.CommandRefused: 409,
    errors.Conflict: 409,
    errors.WrongExpectedVersion: 412,
    # The Idempotency-Key was already used for another request.
    errors.CommandIdReused: 422,
    errors.WrongAggregateType: 404,
    errors.ProjectionError: 409,
    errors.UnknownProjection: 404,
    errors.TailBusy: 503,
    errors.ProgramTooOld: 503,
}


def status_for(error: EventShopError) -> int:
    if isinstance(error, RequestError):
        return error.status
    return status_for_class(type(error))


def status_for_class(error_class: type[EventShopError]) -> int:
    return next(STATUS[base] for base in error_class.__mro__ if base in STATUS)


def problem_response(status: int, error: EventShopError) -> JsonResponse:
    """The response for an error: `code` never changes and is for programs, `detail` is for people."""
    body: dict[str, Any] = {
        # A relative reference, resolved against the requested host (RFC 9457, section 3.1.1).
        "type": f"/problems/{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        "detail": str(error),
    }
    if trace := current_trace_id():
        body["trace_id"] = trace
    if isinstance(error, RequestError) and error.locations:
        body["errors"] = error.locations
    if isinstance(error, errors.WrongExpectedVersion):
        body["version"] = error.data.get("version")
    response = JsonResponse(body, status=status, content_type="application/problem+json")
    setattr(response, PROBLEM_CODE, error.code)
    return response
