"""What the gateway said, kept for staff: accepted notices, and everything that was refused."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from orders.models import GatewayMessage
from orders.payment_gateway.errors import MessageRefused
from orders.payment_gateway.responses import Notice

Source, Verdict = GatewayMessage.Source, GatewayMessage.Verdict


def answer_refused(key: UUID, error: MessageRefused, body: bytes) -> None:
    """An answer to a request of ours was not believed."""
    same_as = f"answer:{error.code}:{key}"
    _keep(same_as, source=Source.ANSWER, error=error, key=key, begins=_printable(body))


def stranger_refused(error: MessageRefused, body: bytes) -> None:
    """A notice that anybody could have sent: counted by the minute, so that nobody can fill the table."""
    minute = timezone.now().strftime("%Y-%m-%dT%H:%M")
    _keep(f"stranger:{error.code}:{minute}", source=Source.NOTICE, error=error, begins=_printable(body))


def notice_refused(notice_id: str, error: MessageRefused, body: bytes, notice: Notice | None = None) -> None:
    """A signed notice that cannot be true, or cannot be read."""
    begins = "" if notice else _printable(body)
    same_as = f"refused:{error.code}:{notice_id}"
    _keep(same_as, source=Source.NOTICE, error=error, begins=begins, **_told(notice_id, notice, body))


def notice_accepted(notice_id: str, notice: Notice, body: bytes) -> GatewayMessage | None:
    """Keep an accepted notice; None if it is the first with this id, or the one that came before."""
    same_as = f"accepted:{notice_id}"
    kept = _keep(same_as, source=Source.NOTICE, verdict=Verdict.ACCEPTED, **_told(notice_id, notice, body))
    return None if kept.times == 1 else kept


def _keep(same_as: str, *, error: MessageRefused | None = None, **fields: Any) -> GatewayMessage:
    if error is not None:
        fields |= {"verdict": Verdict.REFUSED, "code": error.code, "why": str(error)[:500]}
    now = timezone.now()
    kept, made = GatewayMessage.objects.get_or_create(same_as=same_as, defaults={**fields, "last_at": now})
    if not made:
        GatewayMessage.objects.filter(pk=kept.pk).update(times=F("times") + 1, last_at=now)
        kept.times += 1
    return kept


def _told(notice_id: str, notice: Notice | None, body: bytes) -> dict[str, Any]:
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
