"""Signed notices of an outside service (Standard Webhooks): they must be small, signed, and of now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest
from standardwebhooks import Webhook, WebhookVerificationError

from eventshop.runtime.service_errors import MessageRefused
from eventshop.web.shared.attempt_limits import TooManyAttempts
from eventshop.web.shared.request_limits import limit_requests

MAX_WEBHOOK_BYTES: Final = 64 * 1024
#: How far the clocks of both sides may differ (Standard Webhooks).
TOLERANCE_S: Final = 300
#: An id is kept in clear, so it must not be a text.
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
#: Notices without a valid signature that one network address may send; the service's own are not limited.
REFUSED_RATE: Final = "60/m"


class WebhookTooLarge(MessageRefused):
    """The webhook is larger than the limit."""

    code = "notice-too-large"


class MissingSignature(MessageRefused):
    """The webhook lacks a valid webhook-id, webhook-timestamp or webhook-signature."""

    code = "not-signed"


class WrongSignature(MessageRefused):
    """The signature does not match the webhook."""

    code = "wrong-signature"


class StaleTimestamp(MessageRefused):
    """The webhook was signed too long ago, or in the future."""

    code = "not-of-now"


class InvalidJson(MessageRefused):
    """The body is not the expected JSON."""

    code = "not-json"


#: The statuses of the answers to notices that cannot be read.
STATUS_OF_UNREADABLE: Final[dict[type[MessageRefused], int]] = {
    InvalidJson: 400,
    MissingSignature: 401,
    WrongSignature: 401,
    StaleTimestamp: 401,
    WebhookTooLarge: 413,
}


def read_notice(request: HttpRequest, secret: str, *, limit: str) -> tuple[str, bytes]:
    """Id and body of a verified notice. One that is not verified counts against the `limit` of its address.

    Raises `WebhookTooLarge`, `MissingSignature`, `StaleTimestamp`, `WrongSignature` or `TooManyAttempts`.
    """
    limit_requests(request, limit, REFUSED_RATE, count=False)
    try:
        body = _read_body(request)
        return verify_signature(request.headers, body, secret), body
    except MessageRefused:
        with suppress(TooManyAttempts):  # the next one is refused unread
            limit_requests(request, limit, REFUSED_RATE)
        raise


def verify_signature(
    headers: Mapping[str, str], body: bytes, secret: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> str:
    """Verify a webhook (Standard Webhooks); gives its id. `now` is the clock of this side.

    Raises `MissingSignature`, `StaleTimestamp` or `WrongSignature`.
    """
    signature_headers = {name: headers.get(name, "") for name in HEADERS}
    if not all(signature_headers.values()) or not _WEBHOOK_ID.fullmatch(signature_headers["webhook-id"]):
        raise MissingSignature()
    _check_timestamp(signature_headers["webhook-timestamp"], now())
    try:
        Webhook(secret).verify(body, signature_headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: the signature or the body cannot be decoded
        raise WrongSignature() from None
    return signature_headers["webhook-id"]


def _check_timestamp(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        raise MissingSignature("webhook-timestamp is not a number of seconds")
    difference_s = abs(now.timestamp() - int(timestamp))
    if difference_s > TOLERANCE_S:
        raise StaleTimestamp(seconds=int(difference_s), tolerance=TOLERANCE_S)


def _read_body(request: HttpRequest) -> bytes:
    """The body. It is not read if Content-Length is too large. Without Content-Length there is no body (WSGI).

    Raises `WebhookTooLarge`.
    """
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or int(length) > MAX_WEBHOOK_BYTES:
        raise WebhookTooLarge(most=MAX_WEBHOOK_BYTES)
    body = request.body
    if len(body) > MAX_WEBHOOK_BYTES:
        raise WebhookTooLarge(most=MAX_WEBHOOK_BYTES)
    return body
