"""Sends due webhook deliveries, outside any transaction. Each attempt is recorded; failed ones are retried later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from threading import Event as Signal
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

import httpx
import msgspec
from django.db import transaction
from django.db.models import Min, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import traceparent_of
from eventshop.runtime import metrics, tracing
from eventshop.runtime.connections import release_connections
from eventshop.runtime.database_clock import seconds_until_first
from eventshop.runtime.leases import claim_due_rows
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.web.api.event_json import serialize_events
from eventshop.web.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks.enqueue import deactivate, may_send
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
#: The type of an event that happened nowhere, sent to try a receiver.
TEST_EVENT: Final = "TestEvent"


class AttemptResult(NamedTuple):
    """The result of one attempt. `error` names only the kind of error: a receiver's response is not stored."""

    status: int | None
    error: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def outcome(self) -> str:
        return "delivered" if self.is_accepted else "unreachable" if self.status is None else "refused"


def claim_due(*, except_to: Collection[UUID] = ()) -> Sequence[WebhookDelivery]:
    """Claim a batch of due deliveries, except those to some endpoints."""
    ordered = _waiting(except_to).order_by("due_at", "position")
    return claim_due_rows(ordered, due_column="due_at", lease=LEASE, limit=BATCH_SIZE)


def seconds_until_due(*, except_to: Collection[UUID] = ()) -> float:
    """How long until a delivery is due, at most 0 if one is; infinite without deliveries. One statement."""
    return seconds_until_first(_waiting(except_to), "due_at")


def send_deliveries(claimed: Sequence[WebhookDelivery], stop: Signal | None = None) -> int:
    """Attempt each claimed delivery once; returns how many were attempted. `stop` makes the others due again."""
    if not claimed:  # a client takes long to create: it loads all CA certificates
        return 0
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
        for number, delivery in enumerate(claimed):
            if stop is not None and stop.is_set():
                rest = [left.pk for left in claimed[number:]]
                WebhookDelivery.objects.filter(pk__in=rest, state=WebhookDelivery.State.WAITING).update(due_at=Now())
                return number
            attempt_delivery(delivery, client)
    return len(claimed)


def resend(delivery: WebhookDelivery) -> None:
    """Make the delivery due again with all its retries, whether it was delivered or has failed."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=WebhookDelivery.State.WAITING, tries=0, due_at=Now())
    wake(Channel.WEBHOOKS)


def send_test_event(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Make a delivery of a test event, whatever event types the webhook is for."""
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)  # one number each
        lowest = WebhookDelivery.objects.filter(endpoint=endpoint).aggregate(lowest=Min("position"))["lowest"] or 0
        delivery = WebhookDelivery.objects.create(
            id=new_id(), endpoint=endpoint, position=min(lowest, 0) - 1, event_type=TEST_EVENT, due_at=timezone.now()
        )
    wake(Channel.WEBHOOKS)
    return delivery


def attempt_delivery(delivery: WebhookDelivery, client: httpx.Client) -> None:
    """Send the event, if those who made and changed the webhook may read it at this moment."""
    endpoints = WebhookEndpoint.objects.select_related("owner", "changed_by", "token")
    endpoint = endpoints.filter(pk=delivery.endpoint_id, active=True).first()
    if endpoint is None:
        return
    if not may_send(endpoint):
        deactivate(endpoint.pk)
        return
    delivery.endpoint = endpoint
    started = monotonic()
    with tracing.span("webhook", delivery.event_type, kind="client", parent=_traceparent_of(delivery)):
        result = _post_event(delivery, client)
    metrics.WEBHOOK_ATTEMPTS.labels(result.outcome).inc()
    took_ms = int((monotonic() - started) * 1_000)
    with transaction.atomic():
        if not _schedule_next(delivery, result):  # the webhook was deleted in the meantime
            return
        WebhookAttempt.objects.create(
            delivery=delivery, status=result.status, error=result.error[:300], took_ms=took_ms
        )


def _waiting(except_to: Collection[UUID]) -> QuerySet[WebhookDelivery]:
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING, endpoint__active=True)
    return waiting.exclude(endpoint__in=except_to) if except_to else waiting


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
            **tracing.outgoing_headers(),
        }
        extensions = {"sni_hostname": target.host}
        release_connections()  # a receiver may take its time
        with client.stream("POST", target.url, content=body, headers=headers, extensions=extensions) as response:
            return AttemptResult(response.status_code)  # the response body is not read, however long it is
    except UnsafeAddress as error:
        return AttemptResult(None, str(error))
    except (httpx.HTTPError, OSError) as error:
        return AttemptResult(None, type(error).__name__)


def _message_body(delivery: WebhookDelivery) -> str:
    if delivery.position < 0:
        return msgspec.json.encode({"type": TEST_EVENT, "timestamp": timezone.now(), "data": {}}).decode()
    [row] = backend().select_events("WHERE position = %s", (delivery.position,))
    [event] = serialize_events([row], personal=False)
    return msgspec.json.encode({"type": row.event_type, "timestamp": row.occurred_at, "data": event}).decode()


def _traceparent_of(delivery: WebhookDelivery) -> str:
    if not tracing.is_on():
        return ""
    rows = backend().select_events("WHERE position = %s", (delivery.position,))
    return traceparent_of(rows[0]) if rows else ""


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
