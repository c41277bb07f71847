"""Verifies and processes the gateway's webhooks: they must be signed, recent, and about a payment of this shop."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from standardwebhooks import Webhook, WebhookVerificationError

from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import (
    MessageRefused,
    MissingSignature,
    StaleTimestamp,
    UnknownPayment,
    WebhookIdReused,
    WrongSignature,
)
from orders.payment_gateway.payment_ledger import OnPaymentEnded, check_recorded_payment, record_outcome
from orders.payment_gateway.responses import PaymentWebhook, decode_webhook, outcome_of

MAX_WEBHOOK_BYTES: Final = 64 * 1024
#: How far the clocks of shop and gateway may differ (Standard Webhooks).
TOLERANCE_S: Final = 300
#: An id is kept in clear, so it must not be a text.
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def verify_signature(
    headers: Mapping[str, str], body: bytes, secret: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> str:
    """Verify a webhook (Standard Webhooks); gives its id. `now` is the shop's clock.

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


def process_webhook(webhook_id: str, body: bytes, on_ended: OnPaymentEnded | None = None) -> None:
    """Record the outcome that a verified webhook reports, once. `on_ended` is called for a new final outcome.

    Raises `InvalidJson`, `WebhookIdReused`, `UnknownPayment`, `PaymentMismatch`, `AmountMismatch` or
    `PaymentAlreadyEnded`. A refused webhook is logged for staff and changes nothing else.
    """
    webhook: PaymentWebhook | None = None
    try:
        webhook = decode_webhook(body)
        _process(webhook_id, webhook, body, on_ended)
    except MessageRefused as error:
        message_log.log_refused_webhook(webhook_id, error, body, webhook)
        raise


def _process(webhook_id: str, webhook: PaymentWebhook, body: bytes, on_ended: OnPaymentEnded | None) -> None:
    with transaction.atomic():
        earlier = message_log.log_accepted_webhook(webhook_id, webhook, body)
        if earlier is not None and earlier.body_hash != message_log.hash_body(body):
            raise WebhookIdReused(notice_id=webhook_id)
        if earlier is None:
            record_outcome(_matching_payment(webhook), outcome_of(webhook.data), on_ended=on_ended)


def _matching_payment(webhook: PaymentWebhook) -> Payment:
    reported = webhook.data
    payment = Payment.objects.filter(key=reported.key).first()
    if payment is None:
        raise UnknownPayment(key=reported.key)
    check_recorded_payment(payment, reported)
    return payment


def _check_timestamp(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        raise MissingSignature("webhook-timestamp is not a number of seconds")
    difference_s = abs(now.timestamp() - int(timestamp))
    if difference_s > TOLERANCE_S:
        raise StaleTimestamp(seconds=int(difference_s), tolerance=TOLERANCE_S)
