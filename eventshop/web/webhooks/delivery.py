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

from eventshop.eventstore.backends.protocol import backend
from eventshop.web.api.event_feed_views import serialize_events
from eventshop.web.models import WebhookAttempt, WebhookDelivery
from eventshop.web.webhooks.enqueue import deactivate
from eventshop.web.webhooks.signing_secrets import signature_header
from eventshop.web.webhooks.url_policy import UnsafeAddress, resolve_target

#: How long nobody else tries what a process has taken: longer than a whole batch can take.
LEASE: Final = timedelta(minutes=5)
BATCH_SIZE: Final = 20
TIMEOUT_S: Final = 5.0
#: The waits after failed attempts; after the last one it is given up, some three days after the first.
RETRY_DELAYS: Final = tuple(timedelta(seconds=it) for it in (5, 30, 120, 600, 3_600, 10_800, 28_800, 86_400, 86_400))
GONE: Final = 410


class AttemptResult(NamedTuple):
    """What came of one attempt. Only the kind of an error is told: what a receiver says is its own."""

    status: int | None
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_due() -> int:
    """Try what is due once; gives how many deliveries were tried."""
    claimed = _claim_due()
    if not claimed:  # a client loads every certificate there is, and this is asked every few seconds
        return 0
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        for delivery in claimed:
            attempt_delivery(delivery, client)
    return len(claimed)


def resend(delivery: WebhookDelivery) -> None:
    """Send it once more, from the first wait on, whether it was taken or given up."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=WebhookDelivery.State.WAITING, tries=0, due_at=timezone.now()
    )


def attempt_delivery(delivery: WebhookDelivery, client: httpx.Client) -> None:
    started = monotonic()
    result = _post_event(delivery, client)
    took_ms = int((monotonic() - started) * 1_000)
    with transaction.atomic():
        if not _schedule_next(delivery, result):  # its webhook was removed meanwhile
            return
        WebhookAttempt.objects.create(
            delivery=delivery, status=result.status, error=result.error[:300], took_ms=took_ms
        )


def _claim_due() -> Sequence[WebhookDelivery]:
    now = timezone.now()
    due = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, due_at__lte=now, endpoint__active=True)
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("endpoint")
        claimed = list(locked.order_by("due_at", "position")[:BATCH_SIZE])
        WebhookDelivery.objects.filter(pk__in=[it.pk for it in claimed]).update(due_at=now + LEASE)
    return claimed


def _post_event(delivery: WebhookDelivery, client: httpx.Client) -> AttemptResult:
    endpoint, now = delivery.endpoint, timezone.now()
    try:
        target, body = resolve_target(endpoint.url), _message_body(delivery)
        headers = {
            "host": target.host_header,
            "content-type": "application/json",
            "user-agent": "EventShop-Webhooks/1",
            "webhook-id": str(delivery.pk),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature_header(endpoint, str(delivery.pk), now, body),
        }
        extensions = {"sni_hostname": target.host}
        with client.stream("POST", target.url, content=body, headers=headers, extensions=extensions) as response:
            return AttemptResult(response.status_code)  # its body is nothing to us, however long
    except UnsafeAddress as error:
        return AttemptResult(None, str(error))
    except (httpx.HTTPError, OSError) as error:
        return AttemptResult(None, type(error).__name__)


def _message_body(delivery: WebhookDelivery) -> str:
    [row] = backend().select_events("WHERE position = %s", (delivery.position,))
    [event] = serialize_events([row], personal=False)
    return msgspec.json.encode({"type": row.event_type, "timestamp": row.occurred_at, "data": event}).decode()


def _schedule_next(delivery: WebhookDelivery, result: AttemptResult) -> bool:
    tries, state, due = delivery.tries + 1, WebhookDelivery.State.WAITING, timezone.now()
    if result.is_accepted:
        state = WebhookDelivery.State.DELIVERED
    elif result.status == GONE or tries > len(RETRY_DELAYS):
        state = WebhookDelivery.State.FAILED
    else:
        due += RETRY_DELAYS[tries - 1]
    updated = WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, tries=tries, due_at=due)
    if result.status == GONE:  # Standard Webhooks: the receiver wants no more
        deactivate(delivery.endpoint_id)
    return bool(updated)
