"""Errors as problem details (RFC 9457), for programs; and the one table from our errors to HTTP statuses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

from eventshop.core import errors
from eventshop.core.errors import EventShopError
from eventshop.core.request_context import current_trace_id
from eventshop.web.shared.errors import RequestError

#: The status of an error is that of the nearest of its kinds that stands here.
STATUS: Final[dict[type[EventShopError], int]] = {
    EventShopError: 500,
    errors.InvalidMessage: 422,
    errors.EventTooLarge: 413,
    errors.CommandRefused: 409,
    errors.Conflict: 409,
    errors.WrongExpectedVersion: 412,
    # The key of one request was used for another one.
    errors.CommandIdReused: 422,
    errors.WrongAggregateType: 404,
    errors.TailBusy: 503,
}


def status_for(error: EventShopError) -> int:
    if isinstance(error, RequestError):
        return error.status
    return status_for_class(type(error))


def status_for_class(error_class: type[EventShopError]) -> int:
    return next(STATUS[base] for base in error_class.__mro__ if base in STATUS)


def problem_response(status: int, error: EventShopError) -> JsonResponse:
    """The answer that says what is wrong: `code` never changes, `detail` is for people."""
    body: dict[str, Any] = {
        # From the root of whichever host was asked; the page there says what to do (RFC 9457, section 3.1.1).
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
    return JsonResponse(body, status=status, content_type="application/problem+json")
