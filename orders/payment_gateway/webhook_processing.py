"""Processes the gateway's verified webhooks: they must be about a payment of this shop."""

from __future__ import annotations

from django.db import transaction

from eventshop.runtime.service_errors import MessageRefused
from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import UnknownPayment, WebhookIdReused
from orders.payment_gateway.payment_ledger import OnPaymentEnded, check_recorded_payment, record_outcome
from orders.payment_gateway.responses import PaymentWebhook, decode_webhook, outcome_of


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
