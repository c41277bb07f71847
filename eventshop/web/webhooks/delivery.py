"""Sending what is due, outside any transaction; each attempt is kept, and a failed one is made again later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Final, NamedTuple

import httpx
import msgspec
from django.db import transaction
from django.utils import timezone

from eventshop.eventstore.backends.protocol import engine
from eventshop.web.api.event_feed_views import told
from eventshop.web.models import WebhookAttempt, WebhookDelivery
from eventshop.web.webhooks.enqueue import switch_off
from eventshop.web.webhooks.signing_secrets import signatures
from eventshop.web.webhooks.url_policy import UnsafeAddress, checked

#: How long nobody else tries what a process has taken: longer than a whole batch can take.
LEASE: Final = timedelta(minutes=5)
BATCH: Final = 20
TIMEOUT_S: Final = 5.0
#: The waits after failed attempts; after the last one it is given up, some three days after the first.
WAITS: Final = tuple(timedelta(seconds=it) for it in (5, 30, 120, 600, 3_600, 10_800, 28_800, 86_400, 86_400))
GONE: Final = 410


class Answer(NamedTuple):
    """What came of one attempt. Only the kind of an error is told: what a receiver says is its own."""

    status: int | None
    error: str = ""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_due() -> int:
    """Try what is due once; gives how many deliveries were tried."""
    taken = _take()
    if not taken:  # a client loads every certificate there is, and this is asked every few seconds
        return 0
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        for delivery in taken:
            attempt(delivery, client)
    return len(taken)


def again(delivery: WebhookDelivery) -> None:
    """Send it once more, from the first wait on, whether it was taken or given up."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=WebhookDelivery.State.WAITING, tries=0, due_at=timezone.now()
    )


def attempt(delivery: WebhookDelivery, client: httpx.Client) -> None:
    began = monotonic()
    answer = _sent(delivery, client)
    took_ms = int((monotonic() - began) * 1_000)
    with transaction.atomic():
        if not _next(delivery, answer):  # its webhook was removed meanwhile
            return
        WebhookAttempt.objects.create(
            delivery=delivery, status=answer.status, error=answer.error[:300], took_ms=took_ms
        )


def _take() -> Sequence[WebhookDelivery]:
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, due_at__lte=now, endpoint__active=True)
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint")
        taken = list(locked.order_by("due_at", "position")[:BATCH])
        WebhookDelivery.objects.filter(pk__in=[it.pk for it in taken]).update(due_at=now + LEASE)
    return taken


def _sent(delivery: WebhookDelivery, client: httpx.Client) -> Answer:
    endpoint, now = delivery.endpoint, timezone.now()
    try:
        target, body = checked(endpoint.url), _body(delivery)
        headers = {
            "host": target.host_header,
            "content-type": "application/json",
            "user-agent": "EventShop-Webhooks/1",
            "webhook-id": str(delivery.pk),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures(endpoint, str(delivery.pk), now, body),
        }
        named = {"sni_hostname": target.host}
        with client.stream("POST", target.url, content=body, headers=headers, extensions=named) as answer:
            return Answer(answer.status_code)  # its body is nothing to us, however long
    except UnsafeAddress as error:
        return Answer(None, str(error))
    except (httpx.HTTPError, OSError) as error:
        return Answer(None, type(error).__name__)


def _body(delivery: WebhookDelivery) -> str:
    [row] = engine().select("WHERE position = %s", (delivery.position,))
    [event] = told([row], clear=False)
    return msgspec.json.encode({"type": row.event_type, "timestamp": row.occurred_at, "data": event}).decode()


def _next(delivery: WebhookDelivery, answer: Answer) -> bool:
    tries, state, due = delivery.tries + 1, WebhookDelivery.State.WAITING, timezone.now()
    if answer.taken:
        state = WebhookDelivery.State.DELIVERED
    elif answer.status == GONE or tries > len(WAITS):
        state = WebhookDelivery.State.FAILED
    else:
        due += WAITS[tries - 1]
    known = WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, tries=tries, due_at=due)
    if answer.status == GONE:  # Standard Webhooks: the receiver wants no more
        switch_off(delivery.endpoint_id)
    return bool(known)
