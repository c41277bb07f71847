"""Responses for failed requests: problem details under /api/, an HTML page elsewhere; never a stack trace."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template import loader
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page
from rest_framework import exceptions

from eventshop.core.errors import EventShopError, ProgramTooOld, StoreDiverged
from eventshop.core.request_context import REQUEST_ID_KEY
from eventshop.operations.access_log.writer import AccessLogFull
from eventshop.operations.request_log import RETRY_AFTER_S
from eventshop.web.api.problem_details import problem_response, status_for
from eventshop.web.shared import errors

log = logging.getLogger(__name__)

API_PREFIX: Final = "/api/"

_TRANSLATIONS: Final[dict[type[Exception], type[errors.RequestError]]] = {
    Http404: errors.NotFound,
    PermissionDenied: errors.NotAllowed,
    RequestDataTooBig: errors.BodyTooLarge,
    exceptions.NotFound: errors.NotFound,
    exceptions.NotAuthenticated: errors.NotSignedIn,
    exceptions.AuthenticationFailed: errors.NotSignedIn,
    exceptions.PermissionDenied: errors.NotAllowed,
    exceptions.MethodNotAllowed: errors.WrongMethod,
    exceptions.NotAcceptable: errors.NotAcceptable,
    exceptions.UnsupportedMediaType: errors.WrongMediaType,
    exceptions.Throttled: errors.TooManyRequests,
    exceptions.ParseError: errors.MalformedBody,
}


def handle_api_exception(failure: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """The REST framework's exception handler. Returns None for an unexpected error, which `server_error` answers."""
    error = _translate(failure)
    if error is None:
        return None
    if isinstance(error, errors.WrongMediaType):
        wanted = context["view"].parser_classes[0].media_type
        error = errors.WrongMediaType(f"The request body must be sent as `Content-Type: {wanted}`")
    status = status_for(error)
    if status >= 500 and not isinstance(error, errors.RequestError):
        log.error("%s: %s", type(error).__name__, error, exc_info=error)
        error = errors.InternalError()
    response = problem_response(status, error)
    for name, value in _extra_headers(failure, error, context):
        response[name] = value
    return response


def _translate(failure: Exception) -> EventShopError | None:
    if isinstance(failure, ProgramTooOld):
        log.warning("%s", failure)
        return errors.NewerData()
    if isinstance(failure, StoreDiverged):
        return errors.CommandsSuspended()
    if isinstance(failure, EventShopError):
        return failure
    if isinstance(failure, exceptions.ValidationError):
        return errors.InvalidParameter(locations=_parameter_errors(failure.detail))
    error_class = next(
        (error for exception_class, error in _TRANSLATIONS.items() if isinstance(failure, exception_class)), None
    )
    return error_class() if error_class else None


def _parameter_errors(detail: Any) -> list[dict[str, str]]:
    errors_by_name = detail.items() if isinstance(detail, dict) else [("", detail)]
    return [{"parameter": str(name), "detail": " ".join(map(str, texts))} for name, texts in errors_by_name]


def _extra_headers(failure: Exception, error: EventShopError, context: dict[str, Any]) -> list[tuple[str, str]]:
    headers = []
    if isinstance(error, errors.NotSignedIn):
        headers.append(("WWW-Authenticate", 'Bearer realm="eventshop"'))
    if isinstance(error, errors.WrongMethod):
        headers.append(("Allow", ", ".join(context["view"].allowed_methods)))
    if isinstance(failure, exceptions.Throttled):
        headers.append(("Retry-After", str(int(getattr(failure, "wait", None) or 1))))
    if isinstance(error, errors.CommandInProgress | errors.ReadModelBehind):
        headers.append(("Retry-After", "1"))
    return headers


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: 503 if the database is unavailable or this program older than its data, 500 otherwise."""
    error = _server_error(sys.exc_info()[1])
    response: HttpResponse
    if request.path_info.startswith(API_PREFIX):
        response = problem_response(error.status, error)
    else:
        response = HttpResponse(loader.render_to_string(f"{error.status}.html"), status=error.status)
    if error.status == 503:
        response["Retry-After"] = str(RETRY_AFTER_S)
    if request_id := request.META.get(REQUEST_ID_KEY):  # the middleware that sets it may have raised the error
        response["X-Request-ID"] = request_id
    return response


def _server_error(failure: BaseException | None) -> errors.RequestError:
    match failure:
        case OperationalError() | InterfaceError():
            return errors.DatabaseUnavailable()
        case ProgramTooOld():
            return errors.NewerData()
        case AccessLogFull():
            return errors.AccessLogUnavailable()
        case _:
            return errors.InternalError()


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404."""
    if request.path_info.startswith(API_PREFIX):
        return problem_response(404, errors.NotFound())
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400."""
    if request.path_info.startswith(API_PREFIX):
        error = _translate(exception) or errors.RequestError()
        return problem_response(status_for(error), error)
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler403."""
    if request.path_info.startswith(API_PREFIX):
        return problem_response(403, errors.NotAllowed())
    return defaults.permission_denied(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """The `CSRF_FAILURE_VIEW`."""
    if request.path_info.startswith(API_PREFIX):
        return problem_response(403, errors.CsrfFailed())
    return csrf_page(request, reason=reason)
