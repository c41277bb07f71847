"""Errors of a request itself, found before any domain rule is checked. Each has its HTTP status.

A docstring is the default `detail` of the problem and its text in the problem catalogue.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import BadRequest

from eventshop.core.errors import EventShopError


class RequestError(EventShopError):
    """The request is invalid."""

    code = "bad-request"
    status: ClassVar[int] = 400

    def __init__(self, message: str | None = None, /, *, locations: list[dict[str, str]] | None = None, **data: Any):
        super().__init__(message, **data)
        #: The invalid parts of the request, each with a `detail` and a `pointer`, `parameter` or `header`.
        self.locations = locations or []


class MalformedBody(RequestError):
    """The request body is not valid JSON."""

    code = "malformed-body"


class IncompleteBody(RequestError, BadRequest):
    """The connection ended before the request body did."""

    code = "incomplete-body"


class InvalidBody(RequestError):
    """A field of the request body has an invalid value."""

    code = "invalid-body"
    status = 422


class InvalidParameter(RequestError):
    """A query parameter is unknown or has an invalid value."""

    code = "invalid-parameter"


class InvalidHeader(RequestError):
    """A request header has an invalid value."""

    code = "invalid-header"


class BatchRefused(RequestError):
    """A command of an atomic batch was refused, and so the whole batch. Nothing was changed."""

    status = 409
    code = "batch-refused"


class CursorBeyondEnd(RequestError):
    """The cursor is beyond the newest event: it belongs to another store, or to this one before a restore."""

    code = "cursor-beyond-end"


class TooManyWebhooks(RequestError):
    """You have as many webhooks as one customer can have; delete one."""

    status = 409
    code = "too-many-webhooks"


class TooManyImports(RequestError):
    """You have as many imports under way as one member of staff can have; wait for one, or cancel it."""

    status = 409
    code = "too-many-imports"


class ImportEnded(RequestError):
    """The import has ended and cannot be cancelled."""

    status = 409
    code = "import-ended"


class NotSignedIn(RequestError):
    """Authentication is required: sign in, or send a valid token as `Authorization: Bearer …`."""

    code = "not-signed-in"
    status = 401


class InvalidToken(NotSignedIn):
    """The token is unknown, revoked or expired."""

    code = "invalid-token"


class NotAllowed(RequestError):
    """You do not have the permission for this."""

    code = "not-allowed"
    status = 403


class OutOfScope(NotAllowed):
    """The token does not have the required scope."""

    code = "out-of-scope"


class CsrfFailed(NotAllowed):
    """The CSRF token is missing or wrong: with a browser session, send it as the header `X-CSRFToken`."""

    code = "csrf-failed"


class NotFound(RequestError):
    """The resource does not exist, or you may not see it."""

    code = "not-found"
    status = 404


class StreamTooLong(RequestError):
    """The aggregate has too many events to compute its state in a request; read its events instead."""

    code = "stream-too-long"
    status = 422


class PastTooLong(RequestError):
    """The list has too many events to compute its past in a request: narrow it to one owner, or read single rows."""

    code = "past-too-long"
    status = 422


class WrongMethod(RequestError):
    """The resource does not support this method; the header `Allow` lists the supported ones."""

    code = "wrong-method"
    status = 405


class NotAcceptable(RequestError):
    """Responses are JSON, and the `Accept` header of the request excludes it."""

    code = "not-acceptable"
    status = 406


class BodyTooLarge(RequestError):
    """The request body is too large."""

    code = "body-too-large"
    status = 413


class WrongMediaType(RequestError):
    """The request body has another `Content-Type` than the resource takes, such as `application/json`."""

    code = "wrong-media-type"
    status = 415


class TooManyRequests(RequestError):
    """Too many requests; the header `Retry-After` says after how many seconds to send the next one."""

    code = "too-many-requests"
    status = 429


class IdempotencyKeyMissing(RequestError):
    """A command needs the header `Idempotency-Key`, so that a retry is not executed twice."""

    code = "idempotency-key-missing"


class CommandInProgress(RequestError):
    """Another request with the same `Idempotency-Key` is still being processed."""

    code = "twin-running"
    status = 409


class PreconditionMissing(RequestError):
    """The header `If-Match` is missing: send the version that you have read, or `*` for any version."""

    code = "precondition-missing"
    status = 428


class AccessLogUnavailable(RequestError):
    """The access log cannot be written at present, and nothing is shown without a record."""

    code = "access-log-unavailable"
    status = 503


class ReadModelBehind(RequestError):
    """The read model does not contain your last command yet."""

    code = "behind"
    status = 503


class NewerData(RequestError):
    """A newer release of this program has changed this object; nothing was changed. It answers within a short time."""

    code = "program-too-old"
    status = 503


class InternalError(RequestError):
    """An internal error occurred; it is logged under this trace id."""

    code = "internal-error"
    status = 500


class CommandsSuspended(RequestError):
    """After a restore or a damage no change is accepted until an operator has looked; nothing was changed."""

    code = "commands-suspended"
    status = 503


class DatabaseUnavailable(RequestError):
    """The database is unavailable; nothing was changed."""

    code = "unavailable"
    status = 503
