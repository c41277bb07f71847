"""Notices that the gateway sends of its own accord: believed only when signed, of now, and about a payment of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from standardwebhooks import Webhook, WebhookVerificationError

from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import (
    MessageRefused,
    WebhookIdReused,
    StaleTimestamp,
    MissingSignature,
    UnknownPayment,
    WrongSignature,
)
from orders.payment_gateway.payment_ledger import OnPaymentEnded, record_outcome
from orders.payment_gateway.responses import PaymentWebhook, check_payment_matches, outcome_of, decode_webhook

MAX_WEBHOOK_BYTES: Final = 64 * 1024
#: How far the clocks of shop and gateway may be apart (Standard Webhooks).
TOLERANCE_S: Final = 300
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def verify_signature(headers: Mapping[str, str], body: bytes, secret: str) -> str:
    """The id of a notice that the gateway signed; raises `NotSigned`, `NotOfNow` or `WrongSignature`."""
    given = {name: headers.get(name, "") for name in HEADERS}
    if not all(given.values()) or len(given["webhook-id"]) > 100 or not given["webhook-id"].isprintable():
        raise MissingSignature()
    _check_timestamp(given["webhook-timestamp"])
    try:
        Webhook(secret).verify(body, given, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: a signature or a body that cannot even be compared
        raise WrongSignature() from None
    return given["webhook-id"]


def process_webhook(webhook_id: str, body: bytes, on_ended: OnPaymentEnded | None = None) -> None:
    """Put on record what a signed notice says, once, and `tell` of an end that is new.

    Raises `NotJson`, `NoticeIdReused`, `UnknownPayment`, `OtherPayment`, `OtherAmount` or `PaymentFinished`; a refused
    notice is kept for staff and changes nothing else.
    """
    notice: PaymentWebhook | None = None
    try:
        notice = decode_webhook(body)
        _process(webhook_id, notice, body, on_ended)
    except MessageRefused as error:
        message_log.log_refused_webhook(webhook_id, error, body, notice)
        raise


def _process(notice_id: str, notice: PaymentWebhook, body: bytes, tell: OnPaymentEnded | None) -> None:
    with transaction.atomic():
        before = message_log.log_accepted_webhook(notice_id, notice, body)
        if before is not None and before.body_hash != message_log.body_hash(body):
            raise WebhookIdReused(notice_id=notice_id)
        if before is None:
            record_outcome(_matching_payment(notice), outcome_of(notice.data), on_ended=tell)


def _matching_payment(notice: PaymentWebhook) -> Payment:
    told = notice.data
    payment = Payment.objects.filter(key=told.key).first()
    if payment is None:
        raise UnknownPayment(key=told.key)
    check_payment_matches(told, key=payment.key, kind=payment.kind, amount=payment.amount, currency=payment.currency)
    return payment


def _check_timestamp(timestamp: str) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        raise MissingSignature("webhook-timestamp is not a number of seconds")
    apart = abs(datetime.now(UTC).timestamp() - int(timestamp))
    if apart > TOLERANCE_S:
        raise StaleTimestamp(seconds=int(apart), tolerance=TOLERANCE_S)
