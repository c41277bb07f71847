"""The endpoint of the payment gateway's webhooks."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from eventshop.operations.rights import Audience, open_to
from eventshop.runtime.service_errors import MessageRefused
from eventshop.web.api.problem_details import problem_response
from eventshop.web.shared.attempt_limits import TooManyAttempts
from eventshop.web.webhooks.signed_notices import STATUS_OF_UNREADABLE, read_notice
from orders.payment_gateway import message_log, saga_notifier
from orders.payment_gateway.errors import (
    AmountMismatch,
    GatewayNotConfigured,
    PaymentAlreadyEnded,
    PaymentMismatch,
    UnknownPayment,
    WebhookIdReused,
)
from orders.payment_gateway.webhook_processing import process_webhook

STATUS_OF_ERROR: Final[dict[type[MessageRefused], int]] = {
    **STATUS_OF_UNREADABLE,
    UnknownPayment: 404,
    WebhookIdReused: 409,
    PaymentAlreadyEnded: 409,
    AmountMismatch: 422,
    PaymentMismatch: 422,
}


# No CSRF check: the webhook's signature protects this endpoint, which browsers do not call.
@open_to(Audience.SIGNATURE)
@csrf_exempt
@require_POST
def payment_webhook(request: HttpRequest) -> HttpResponse:
    """Answer 204 for an accepted webhook. A refused one is logged for staff and answered with problem details."""
    if not settings.PAYMENT_GATEWAY_SECRET:
        return problem_response(404, GatewayNotConfigured())
    try:
        webhook_id, body = read_notice(request, settings.PAYMENT_GATEWAY_SECRET, limit="payment-notices")
    except TooManyAttempts as error:
        response = problem_response(429, error)
        response["Retry-After"] = str(error.wait_s)
        return response
    except MessageRefused as error:
        message_log.log_unverified_webhook(error)
        return problem_response(STATUS_OF_ERROR[type(error)], error)
    try:
        process_webhook(webhook_id, body, saga_notifier.notify_saga)
    except MessageRefused as error:
        return problem_response(STATUS_OF_ERROR[type(error)], error)
    return HttpResponse(status=204)
