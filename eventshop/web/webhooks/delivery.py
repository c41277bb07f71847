"""Sends due webhook deliveries, outside any transaction. Each attempt is recorded; failed ones are retried later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Final, NamedTuple

import httpx
import msgspec
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.eventstore.backends.protocol import backend
from eventshop.runtime.leases import claim_due_rows
from eventshop.web.api.event_feed_views import serialize_events
from eventshop.web.models import WebhookAttempt, WebhookDelivery
from eventshop.web.webhooks.enqueue import deactivate
from eventshop.web.webhooks.signing import signature_header
from eventshop.web.webhooks.url_policy import UnsafeAddress, resolve_target

#: How long a claimed delivery is hidden from other processes: longer than sending a whole batch can take.
LEASE: Final = timedelta(minutes=5)
BATCH_SIZE: Final = 20
TIMEOUT_S: Final = 5.0
#: The delays between attempts. After the last one the delivery fails, about three days after the first attempt.
RETRY_DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 10_800, 28_800, 86_400, 86_400)
)
GONE: Final = 410


class AttemptResult(NamedTuple):
    """The result of one attempt. `error` names only the kind of error: a receiver's response is not stored."""

    status: int | None
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_due() -> int:
    """Attempt each due delivery once, one batch at most; returns how many were attempted."""
    claimed = _claim_due()
    if not claimed:  # do not create a client every few seconds: each one loads all CA certificates
        return 0
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        for delivery in claimed:
            attempt_delivery(delivery, client)
    return len(claimed)


def resend(delivery: WebhookDelivery) -> None:
    """Make the delivery due again with all its retries, whether it was delivered or has failed."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=WebhookDelivery.State.WAITING, tries=0, due_at=Now())


def attempt_delivery(delivery: WebhookDelivery, client: httpx.Client) -> None:
    started = monotonic()
    result = _post_event(delivery, client)
    took_ms = int((monotonic() - started) * 1_000)
    with transaction.atomic():
        if not _schedule_next(delivery, result):  # the webhook was deleted in the meantime
            return
        WebhookAttempt.objects.create(
            delivery=delivery, status=result.status, error=result.error[:300], took_ms=took_ms
        )


def _claim_due() -> Sequence[WebhookDelivery]:
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, endpoint__active=True)
    ordered = waiting.select_related("endpoint").order_by("due_at", "position")
    return claim_due_rows(ordered, due_column="due_at", lease=LEASE, limit=BATCH_SIZE)


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
            return AttemptResult(response.status_code)  # the response body is not read, however long it is
    except UnsafeAddress as error:
        return AttemptResult(None, str(error))
    except (httpx.HTTPError, OSError) as error:
        return AttemptResult(None, type(error).__name__)


def _message_body(delivery: WebhookDelivery) -> str:
    [row] = backend().select_events("WHERE position = %s", (delivery.position,))
    [event] = serialize_events([row], personal=False)
    return msgspec.json.encode({"type": row.event_type, "timestamp": row.occurred_at, "data": event}).decode()


def _schedule_next(delivery: WebhookDelivery, result: AttemptResult) -> bool:
    tries, state, delay = delivery.tries + 1, WebhookDelivery.State.WAITING, timedelta(0)
    if result.is_accepted:
        state = WebhookDelivery.State.DELIVERED
    elif result.status == GONE or tries > len(RETRY_DELAYS):
        state = WebhookDelivery.State.FAILED
    else:
        delay = RETRY_DELAYS[tries - 1]
    updated = WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, tries=tries, due_at=Now() + delay)
    if result.status == GONE:  # Standard Webhooks: the receiver wants no more messages
        deactivate(delivery.endpoint_id)
    return bool(updated)
