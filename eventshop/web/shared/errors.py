"""What is wrong with a request, before any rule of the shop is asked."""

from __future__ import annotations

from typing import Any, ClassVar

from eventshop.core.errors import EventShopError


class RequestError(EventShopError):
    """This request cannot be answered."""

    code = "bad-request"
    status: ClassVar[int] = 400

    def __init__(self, message: str | None = None, /, *, where: list[dict[str, str]] | None = None, **data: Any):
        super().__init__(message, **data)
        #: For programs: which part of the request, each with a `pointer`, a `parameter` or a `header`.
        self.where = where or []


class MalformedBody(RequestError):
    """The body is no JSON."""

    code = "malformed-body"


class InvalidBody(RequestError):
    """A field of the body has a value it cannot have."""

    code = "invalid-body"
    status = 422


class InvalidParameter(RequestError):
    """A parameter of the address is unknown, or has a value it cannot have."""

    code = "invalid-parameter"


class InvalidHeader(RequestError):
    """A header has a value it cannot have."""

    code = "invalid-header"


class NotSignedIn(RequestError):
    """Sign in, or send a token that is valid: `Authorization: Bearer …`."""

    code = "not-signed-in"
    status = 401


class InvalidToken(NotSignedIn):
    """This token is unknown, revoked or expired."""

    code = "invalid-token"


class NotAllowed(RequestError):
    """You may not do this."""

    code = "not-allowed"
    status = 403


class OutOfScope(NotAllowed):
    """This token was not made for this."""

    code = "out-of-scope"


class CsrfFailed(NotAllowed):
    """A browser's session must send its CSRF token: the header X-CSRFToken."""

    code = "csrf-failed"


class NotFound(RequestError):
    """There is no such thing, or it is not yours to see."""

    code = "not-found"
    status = 404


class StreamTooLong(RequestError):
    """This aggregate has too many events to be folded for an answer; read its events instead."""

    code = "stream-too-long"
    status = 422


class WrongMethod(RequestError):
    """This resource has no such method; `Allow` lists those it has."""

    code = "wrong-method"
    status = 405


class NotAcceptable(RequestError):
    """Answers are JSON; the request accepts none."""

    code = "not-acceptable"
    status = 406


class BodyTooLarge(RequestError):
    """The body is larger than any request needs to be."""

    code = "body-too-large"
    status = 413


class WrongMediaType(RequestError):
    """Bodies are JSON: `Content-Type: application/json`."""

    code = "wrong-media-type"
    status = 415


class TooManyRequests(RequestError):
    """Too many requests; `Retry-After` says in how many seconds to go on."""

    code = "too-many-requests"
    status = 429


class KeyMissing(RequestError):
    """A command needs an `Idempotency-Key`, so that it can be sent again without being done twice."""

    code = "idempotency-key-missing"


class TwinRunning(RequestError):
    """The same command is being carried out just now."""

    code = "twin-running"
    status = 409


class PreconditionMissing(RequestError):
    """Say with `If-Match` which version you have seen, or `*` for any."""

    code = "precondition-missing"
    status = 428


class Behind(RequestError):
    """What you have just done is not to be seen here yet."""

    code = "behind"
    status = 503


class InternalError(RequestError):
    """Something went wrong here; it is on record under this trace id."""

    code = "internal-error"
    status = 500


class Unavailable(RequestError):
    """The database is away; nothing was changed."""

    code = "unavailable"
    status = 503
