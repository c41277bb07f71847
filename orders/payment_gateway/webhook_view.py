"""The endpoint of the payment gateway's webhooks."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from eventshop.operations.rights import Audience, open_to
from eventshop.web.api.problem_details import problem_response
from eventshop.web.shared.attempt_limits import TooManyAttempts
from eventshop.web.shared.request_limits import limit_requests
from orders.payment_gateway import message_log, saga_notifier
from orders.payment_gateway.errors import (
    AmountMismatch,
    GatewayNotConfigured,
    InvalidJson,
    MessageRefused,
    MissingSignature,
    PaymentAlreadyEnded,
    PaymentMismatch,
    StaleTimestamp,
    UnknownPayment,
    WebhookIdReused,
    WebhookTooLarge,
    WrongSignature,
)
from orders.payment_gateway.webhook_verification import MAX_WEBHOOK_BYTES, process_webhook, verify_signature

STATUS_OF_ERROR: Final[dict[type[MessageRefused], int]] = {
    InvalidJson: 400,
    MissingSignature: 401,
    WrongSignature: 401,
    StaleTimestamp: 401,
    UnknownPayment: 404,
    WebhookIdReused: 409,
    PaymentAlreadyEnded: 409,
    WebhookTooLarge: 413,
    AmountMismatch: 422,
    PaymentMismatch: 422,
}
#: Messages without a valid signature that one network address may send; the gateway's own are not limited.
REFUSED_RATE: Final = "60/m"
_LIMIT: Final = "payment-notices"


# No CSRF check: the webhook's signature protects this endpoint, which browsers do not call.
@open_to(Audience.SIGNATURE)
@csrf_exempt
@require_POST
def payment_webhook(request: HttpRequest) -> HttpResponse:
    """Answer 204 for an accepted webhook. A refused one is logged for staff and answered with problem details."""
    if not settings.PAYMENT_GATEWAY_SECRET:
        return problem_response(404, GatewayNotConfigured())
    try:
        limit_requests(request, _LIMIT, REFUSED_RATE, count=False)
        body = _read_body(request)
        webhook_id = verify_signature(request.headers, body, settings.PAYMENT_GATEWAY_SECRET)
    except TooManyAttempts as error:
        response = problem_response(429, error)
        response["Retry-After"] = str(error.wait_s)
        return response
    except (WebhookTooLarge, MissingSignature, StaleTimestamp, WrongSignature) as error:
        with suppress(TooManyAttempts):  # the next one is refused unread
            limit_requests(request, _LIMIT, REFUSED_RATE)
        message_log.log_unverified_webhook(error)
        return problem_response(STATUS_OF_ERROR[type(error)], error)
    try:
        process_webhook(webhook_id, body, saga_notifier.notify_saga)
    except MessageRefused as error:
        return problem_response(STATUS_OF_ERROR[type(error)], error)
    return HttpResponse(status=204)


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
