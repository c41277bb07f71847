"""The log of the gateway's messages for staff: accepted webhooks, and refused webhooks and responses."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from eventshop.runtime.service_errors import MessageRefused
from orders.models import GatewayMessage
from orders.payment_gateway.responses import PaymentWebhook

Source, Verdict = GatewayMessage.Source, GatewayMessage.Verdict


def log_refused_response(key: UUID, error: MessageRefused, body: bytes) -> None:
    """Log a response that was refused. `body` is its beginning."""
    same_as = f"answer:{error.code}:{key}"
    _log_message(same_as, source=Source.ANSWER, error=error, key=key, begins=_printable(body))


def log_unverified_webhook(error: MessageRefused) -> None:
    """Log a webhook that is not verified: one row per error and minute, so that nobody can fill the table."""
    minute = timezone.now().strftime("%Y-%m-%dT%H:%M")
    _log_message(f"stranger:{error.code}:{minute}", source=Source.NOTICE, error=error)


def log_refused_webhook(
    webhook_id: str, error: MessageRefused, body: bytes, webhook: PaymentWebhook | None = None
) -> None:
    """Log a signed webhook that was refused. `webhook` is None if it could not be decoded.

    Nothing of its text is kept: nobody knows whose it is, so no erasure would find it. The gateway has the same hash.
    """
    same_as = f"refused:{error.code}:{webhook_id}"
    _log_message(same_as, source=Source.NOTICE, error=error, **_webhook_fields(webhook_id, webhook, body))


def log_accepted_webhook(webhook_id: str, webhook: PaymentWebhook, body: bytes) -> GatewayMessage | None:
    """Log an accepted webhook. Returns the earlier message with the same id; None if this is the first."""
    same_as = f"accepted:{webhook_id}"
    message = _log_message(
        same_as, source=Source.NOTICE, verdict=Verdict.ACCEPTED, **_webhook_fields(webhook_id, webhook, body)
    )
    return None if message.times == 1 else message


def _log_message(same_as: str, *, error: MessageRefused | None = None, **fields: Any) -> GatewayMessage:
    if error is not None:
        fields |= {"verdict": Verdict.REFUSED, "code": error.code, "why": str(error)[:500]}
    now = timezone.now()
    message, is_new = GatewayMessage.objects.get_or_create(same_as=same_as, defaults={**fields, "last_at": now})
    if not is_new:
        GatewayMessage.objects.filter(pk=message.pk).update(times=F("times") + 1, last_at=now)
        message.times += 1
    return message


def _webhook_fields(webhook_id: str, webhook: PaymentWebhook | None, body: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {"notice_id": webhook_id, "body_hash": hash_body(body)}
    if webhook is not None:
        data = webhook.data
        fields |= {"about": webhook.type, "key": data.key, "amount": data.amount, "currency": data.currency}
    return fields


def hash_body(body: bytes) -> str:
    return sha256(body).hexdigest()


def _printable(body: bytes) -> str:
    text = body[:200].decode(errors="replace")
    return "".join(character if character.isprintable() else "�" for character in text)[:200]
