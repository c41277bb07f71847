"""What the gateway said, kept for staff: accepted notices, and everything that was refused."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from orders.models import GatewayMessage
from orders.payment_gateway.errors import MessageRefused
from orders.payment_gateway.responses import PaymentWebhook

Source, Verdict = GatewayMessage.Source, GatewayMessage.Verdict


def log_refused_response(key: UUID, error: MessageRefused, body: bytes) -> None:
    """An answer to a request of ours was not believed."""
    same_as = f"answer:{error.code}:{key}"
    _log_message(same_as, source=Source.ANSWER, error=error, key=key, begins=_printable(body))


def log_unverified_webhook(error: MessageRefused, body: bytes) -> None:
    """A notice that anybody could have sent: counted by the minute, so that nobody can fill the table."""
    minute = timezone.now().strftime("%Y-%m-%dT%H:%M")
    _log_message(f"stranger:{error.code}:{minute}", source=Source.NOTICE, error=error, begins=_printable(body))


def log_refused_webhook(notice_id: str, error: MessageRefused, body: bytes, notice: PaymentWebhook | None = None) -> None:
    """A signed notice that cannot be true, or cannot be read."""
    begins = "" if notice else _printable(body)
    same_as = f"refused:{error.code}:{notice_id}"
    _log_message(same_as, source=Source.NOTICE, error=error, begins=begins, **_webhook_fields(notice_id, notice, body))


def log_accepted_webhook(notice_id: str, notice: PaymentWebhook, body: bytes) -> GatewayMessage | None:
    """Keep an accepted notice; None if it is the first with this id, or the one that came before."""
    same_as = f"accepted:{notice_id}"
    kept = _log_message(same_as, source=Source.NOTICE, verdict=Verdict.ACCEPTED, **_webhook_fields(notice_id, notice, body))
    return None if kept.times == 1 else kept


def _log_message(same_as: str, *, error: MessageRefused | None = None, **fields: Any) -> GatewayMessage:
    if error is not None:
        fields |= {"verdict": Verdict.REFUSED, "code": error.code, "why": str(error)[:500]}
    now = timezone.now()
    kept, made = GatewayMessage.objects.get_or_create(same_as=same_as, defaults={**fields, "last_at": now})
    if not made:
        GatewayMessage.objects.filter(pk=kept.pk).update(times=F("times") + 1, last_at=now)
        kept.times += 1
    return kept


def _webhook_fields(notice_id: str, notice: PaymentWebhook | None, body: bytes) -> dict[str, Any]:
    told: dict[str, Any] = {"notice_id": notice_id, "body_hash": body_hash(body)}
    if notice is not None:
        data = notice.data
        told |= {"about": notice.type, "key": data.key, "amount": data.amount, "currency": data.currency}
    return told


def body_hash(body: bytes) -> str:
    return sha256(body).hexdigest()


def _printable(body: bytes) -> str:
    text = body[:200].decode(errors="replace")
    return "".join(letter if letter.isprintable() else "�" for letter in text)[:200]
