"""From the feed to deliveries: one for each event that an endpoint asked for, never two, whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from eventshop.core.deterministic_ids import derived_id
from eventshop.eventstore.records import Row
from eventshop.eventstore.tail_reader import Tail
from eventshop.web.models import WebhookDelivery, WebhookEndpoint

#: Events looked at in one transaction, and how many such pages before what is due is sent.
PAGE: Final = 500
PAGES: Final = 20

_tail: Final = Tail()


def collect() -> int:
    """Make deliveries of what has happened; gives how many. Raises `TailBusy`."""
    return sum(_collected(it) for it in WebhookEndpoint.objects.select_related("owner").filter(active=True))


def switch_off(endpoint_id: UUID) -> None:
    """It is told no more, and whoever has seen it before has seen something else."""
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(active=False, version=F("version") + 1)


def may_read(owner: Login) -> bool:
    return owner.is_active and owner.has_perm("store.view_storedevent")


def _collected(endpoint: WebhookEndpoint) -> int:
    if not may_read(endpoint.owner):
        switch_off(endpoint.pk)
        return 0
    made = 0
    for _ in range(PAGES):
        rows = _tail.read(endpoint.cursor, PAGE)
        if not rows or not _moved(endpoint, rows):
            break
        made += sum(1 for row in rows if _wanted(endpoint, row))
        endpoint.cursor = rows[-1].position
    return made


def _moved(endpoint: WebhookEndpoint, rows: Sequence[Row]) -> bool:
    """Whoever moves the cursor makes the deliveries; a process that read the same page moves nothing."""
    now = timezone.now()
    with transaction.atomic():
        here = WebhookEndpoint.objects.filter(pk=endpoint.pk, cursor=endpoint.cursor)
        if not here.update(cursor=rows[-1].position):
            return False
        WebhookDelivery.objects.bulk_create(_delivery(endpoint, row, now) for row in rows if _wanted(endpoint, row))
    return True


def _wanted(endpoint: WebhookEndpoint, row: Row) -> bool:
    return not endpoint.types or row.event_type in endpoint.types.split()


def _delivery(endpoint: WebhookEndpoint, row: Row, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        id=derived_id("webhook", endpoint.pk, row.event_id),
        endpoint=endpoint,
        position=row.position,
        event_type=row.event_type,
        due_at=now,
    )
