"""Turns new events into webhook deliveries: exactly one per endpoint and event, however many processes run this."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.api.base_view import VIEW_EVENTS
from eventshop.web.api.own_events import FeedRows, read_followed
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.shared import customer_port

#: How many events one transaction reads, and how many such pages are read before due deliveries are sent.
PAGE_SIZE: Final = 500
MAX_PAGES: Final = 20


def enqueue_deliveries() -> int:
    """Create deliveries for new events; returns how many. Raises `ReadModelBehind`."""
    endpoints = WebhookEndpoint.objects.select_related("owner", "changed_by", "token").filter(active=True)
    return sum(_enqueue_for(endpoint) for endpoint in endpoints)


def waits_for_read_models() -> bool:
    """Whether events of somebody's own are not enqueued yet, because it is not known whose they are."""
    own = WebhookEndpoint.objects.filter(active=True, person__isnull=False)
    return own.filter(cursor__lt=newest_position()).exists()


def deactivate(endpoint_id: UUID) -> None:
    """Switch the endpoint off. Its version grows, so that a concurrent change with an older `If-Match` is refused."""
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(active=False, version=F("version") + 1)


def may_send(endpoint: WebhookEndpoint) -> bool:
    """Whether those who made and changed it may read events now, and the token by which they did is not revoked."""
    if endpoint.token is not None and endpoint.token.revoked_at is not None:
        return False
    if endpoint.person is not None:
        owner = endpoint.owner
        return owner.is_active and customer_port.current_adapter().person_of(owner) == endpoint.person
    return all(_may_read_events(login) for login in (endpoint.owner, endpoint.changed_by) if login is not None)


def _may_read_events(login: Login) -> bool:
    return login.is_active and login.has_perm(VIEW_EVENTS)


def _enqueue_for(endpoint: WebhookEndpoint) -> int:
    if not may_send(endpoint):
        deactivate(endpoint.pk)
        return 0
    count = 0
    for _ in range(MAX_PAGES):
        found = read_followed(endpoint.person, endpoint.cursor, PAGE_SIZE)
        if found.cursor == endpoint.cursor or not _advance_cursor(endpoint, found):
            break
        count += sum(1 for row in found.rows if _is_subscribed(endpoint, row))
        endpoint.cursor = found.cursor
    return count


def _advance_cursor(endpoint: WebhookEndpoint, found: FeedRows) -> bool:
    """Advance the cursor and create the deliveries of what was found; False if another process already advanced it."""
    with transaction.atomic():
        unmoved = WebhookEndpoint.objects.filter(pk=endpoint.pk, cursor=endpoint.cursor)
        if not unmoved.update(cursor=found.cursor):
            return False
        WebhookDelivery.objects.bulk_create(
            _build_delivery(endpoint, row) for row in found.rows if _is_subscribed(endpoint, row)
        )
    return True


def _is_subscribed(endpoint: WebhookEndpoint, row: EventRow) -> bool:
    return not endpoint.types or row.event_type in endpoint.types.split()


def _build_delivery(endpoint: WebhookEndpoint, row: EventRow) -> WebhookDelivery:
    return WebhookDelivery(
        id=derive_id("webhook", endpoint.pk, row.event_id),
        endpoint=endpoint,
        position=row.position,
        event_type=row.event_type,
        due_at=Now(),
    )
