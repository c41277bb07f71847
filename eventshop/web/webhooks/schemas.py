"""Webhooks as the API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import Instant, NonEmptyText
from eventshop.web.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Types = Annotated[tuple[NonEmptyText, ...], msgspec.Meta(max_length=30)]


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to (https, public), and of which event types to tell; without `types` of all."""

    example: ClassVar[dict[str, Any]] = {"url": "https://hooks.example.com/eventshop", "types": ["OrderCreated"]}

    url: Url
    types: Types = ()


class WebhookUpdate(Struct, frozen=True, forbid_unknown_fields=True):
    """What it is from now on. Switched off it is told nothing, and afterwards of what happened meanwhile."""

    example: ClassVar[dict[str, Any]] = {
        "url": "https://hooks.example.com/eventshop",
        "types": ["OrderCreated", "OrderShipped"],
        "active": True,
    }

    url: Url
    types: Types
    active: bool


class WebhookDetails(Struct, frozen=True):
    """A webhook. `cursor` is the position of the store up to which it has been told."""

    example: ClassVar[dict[str, Any]] = {
        "id": "0213c645-ba12-523d-958e-28600cccc47a",
        "url": "https://hooks.example.com/eventshop",
        "types": ["OrderCreated"],
        "active": True,
        "owner": "integrator",
        "cursor": 9,
        "made_at": "2026-01-30T12:00:00Z",
        "version": 1,
    }

    id: UUID
    url: str
    types: list[str]
    active: bool
    owner: str
    cursor: int
    made_at: Instant
    version: int


class WebhookPage(Struct, frozen=True):
    """Webhooks, and where the next page is."""

    results: list[WebhookDetails]
    next: str | None
    next_cursor: str | None


class SigningSecret(Struct, frozen=True, omit_defaults=True):
    """What the messages of a webhook are signed with; the former one signs too until `former_until`."""

    secret: str
    former_until: Instant | None = None


class AttemptDetails(Struct, frozen=True):
    """What came of sending it once. Without `status` there was no answer, and `error` says why."""

    at: Instant
    status: int | None
    error: str
    took_ms: int


class DeliveryDetails(Struct, frozen=True):
    """One event on its way to a webhook: `id` is the header webhook-id, `state` waiting, delivered or failed."""

    id: UUID
    position: int
    type: str
    state: str
    due_at: Instant | None
    attempts: list[AttemptDetails]


class DeliveryPage(Struct, frozen=True):
    """Messages of a webhook, the newest first, and where the next page is."""

    results: list[DeliveryDetails]
    next: str | None
    next_cursor: str | None


def webhook_details(endpoint: WebhookEndpoint) -> WebhookDetails:
    return WebhookDetails(
        id=endpoint.pk,
        url=endpoint.url,
        types=endpoint.types.split(),
        active=endpoint.active,
        owner=endpoint.owner.get_username(),
        cursor=endpoint.cursor,
        made_at=endpoint.made_at,
        version=endpoint.version,
    )


def delivery_details(delivery: WebhookDelivery) -> DeliveryDetails:
    waiting = delivery.state == WebhookDelivery.State.WAITING
    attempts = [_attempt_details(it) for it in delivery.attempts.all()]
    due = delivery.due_at if waiting else None
    return DeliveryDetails(delivery.pk, delivery.position, delivery.event_type, delivery.state, due, attempts)


def _attempt_details(attempt: WebhookAttempt) -> AttemptDetails:
    return AttemptDetails(attempt.at, attempt.status, attempt.error, attempt.took_ms)
