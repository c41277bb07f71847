"""Notices that an item was raised or cleared, by e-mail and to a webhook: each once, and none for what lasts seconds.

The row of a notice is made before it is sent, so two processes never send the same. One that certainly was not sent is
tried again at the next run; of one whose process ended while it was sent nobody knows, and it is not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, TypeAlias

import httpx
import msgspec
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from standardwebhooks import Webhook

from eventshop.operations.attention.models import AttentionItem, AttentionNotice
from eventshop.runtime.database_clock import database_now

log = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
#: Items of one run; the rest follow in the next one.
MAX_ITEMS: Final = 100
#: What was cleared longer ago is told no more.
TOLD_WITHIN: Final = timedelta(days=1)

Kind: TypeAlias = AttentionNotice.Kind
State: TypeAlias = AttentionNotice.State


class Channel(NamedTuple):
    """A way to tell staff: all notices of one run at once. It raises `OSError` or `httpx.HTTPError` on failure."""

    name: str
    send: Callable[[Sequence[AttentionNotice]], None]


def channels() -> list[Channel]:
    """The channels that settings name."""
    by_email = [Channel("e-mail", _send_email)] if settings.ATTENTION_EMAILS else []
    by_webhook = [Channel("webhook", _post)] if settings.ATTENTION_WEBHOOK_URL else []
    return by_email + by_webhook


def send_due_notices() -> str:
    """Send what is due through every channel; returns what was sent, empty if nothing was."""
    texts = []
    for channel in channels():
        due = [notice for kind in Kind for notice in _claim(channel.name, kind)]
        for batch in [due] if channel.name == "e-mail" else [[notice] for notice in due]:
            if batch:
                texts.append(_send(channel, batch))
    return "; ".join(texts)


def _claim(channel: str, kind: Kind) -> list[AttentionNotice]:
    """The notices of one kind that this process has to send now: new ones, and those that have failed."""
    own = AttentionNotice.objects.filter(item=OuterRef("pk"), channel=channel)
    items = _due_items(kind, own).filter(~Exists(own.filter(kind=kind)))
    claimed = []
    for item in items.order_by("raised_at")[:MAX_ITEMS]:
        notice, is_new = AttentionNotice.objects.get_or_create(item=item, kind=kind, channel=channel)
        claimed += [notice] if is_new else []
    failed = AttentionNotice.objects.filter(kind=kind, channel=channel, state=State.FAILED)
    for notice in failed.select_related("item").order_by("pk")[:MAX_ITEMS]:
        if failed.filter(pk=notice.pk).update(state=State.SENDING, tried_at=Now()):
            claimed.append(notice)
    return claimed


def _due_items(kind: Kind, own: QuerySet[AttentionNotice]) -> QuerySet[AttentionItem]:
    now = database_now()
    if kind == Kind.CLEARED:  # only of those whose raising was told
        cleared = AttentionItem.objects.filter(cleared_at__gt=now - TOLD_WITHIN)
        return cleared.filter(Exists(own.filter(kind=Kind.RAISED, state=State.SENT)))
    awake = Q(snoozed_until=None) | Q(snoozed_until__lt=now)
    lasting = now - timedelta(seconds=settings.ATTENTION_NOTIFY_AFTER_S)
    return AttentionItem.objects.filter(awake, cleared_at=None, acknowledged_at=None, raised_at__lte=lasting)


def _send(channel: Channel, notices: Sequence[AttentionNotice]) -> str:
    own = AttentionNotice.objects.filter(pk__in=[notice.pk for notice in notices])
    try:
        channel.send(notices)
    except (OSError, httpx.HTTPError) as error:  # smtplib's errors are OSErrors
        log.warning("%s notices by %s were not sent: %s", len(notices), channel.name, type(error).__name__)
        own.update(state=State.FAILED, error=type(error).__name__)
        return f"{len(notices)} by {channel.name} failed: {type(error).__name__}"
    own.update(state=State.SENT, error="")
    return f"{len(notices)} by {channel.name}"


def _send_email(notices: Sequence[AttentionNotice]) -> None:
    """One e-mail for all: a fault with many consequences is not many letters."""
    raised = [notice.item for notice in notices if notice.kind == Kind.RAISED]
    cleared = [notice.item for notice in notices if notice.kind == Kind.CLEARED]
    parts = [f"{len(raised)} raised"] if raised else []
    parts += [f"{len(cleared)} cleared"] if cleared else []
    lines = [f"- {item.get_severity_display()}: {item.title} (since {item.since:%Y-%m-%d %H:%M %Z})" for item in raised]
    lines += [f"- over: {item.title}" for item in cleared]
    body = "\n".join([*lines, "", f"{settings.SITE_URL or ''}/admin/"])
    first = (raised or cleared)[0].title
    send_mail(f"[EventShop] {', '.join(parts)}: {first}", body, settings.DEFAULT_FROM_EMAIL, settings.ATTENTION_EMAILS)


def _post(notices: Sequence[AttentionNotice]) -> None:
    """A message of Standard Webhooks; its id is that of the notice."""
    [notice] = notices
    item, now, message_id = notice.item, timezone.now(), f"attention_{notice.pk}"
    data = {
        "id": item.pk, "key": item.key, "severity": item.get_severity_display().lower(), "title": item.title,
        "part": item.part, "count": item.count, "since": item.since, "raised_at": item.raised_at,
        "cleared_at": item.cleared_at, "runbook": f"docs/runbook.md#{item.runbook}",
    }  # fmt: skip
    body = msgspec.json.encode({"type": f"attention.{notice.kind}", "timestamp": now, "data": data}).decode()
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if settings.ATTENTION_WEBHOOK_SECRET:
        headers["webhook-signature"] = Webhook(settings.ATTENTION_WEBHOOK_SECRET).sign(message_id, now, body)
    httpx.post(settings.ATTENTION_WEBHOOK_URL, content=body, headers=headers, timeout=TIMEOUT_S).raise_for_status()
