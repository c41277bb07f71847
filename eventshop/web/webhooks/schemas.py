"""Request and response schemas of the webhook resources."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.human_text import VISIBLE_TEXT
from eventshop.core.messages import Instant, NonEmptyText
from eventshop.web.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=500), VISIBLE_TEXT]
Types = Annotated[tuple[NonEmptyText, ...], msgspec.Meta(max_length=30)]


class NewWebhook(Struct, frozen=True, forbid_unknown_fields=True):
    """A new webhook: its URL (https, public) and the event types to send; without `types` all events are sent."""

    example: ClassVar[dict[str, Any]] = {"url": "https://hooks.example.com/eventshop", "types": ["OrderCreated"]}

    url: Url
    types: Types = ()


class WebhookUpdate(Struct, frozen=True, forbid_unknown_fields=True):
    """The new values of a webhook. A switched-off webhook gets the missed events when it is switched on again."""

    example: ClassVar[dict[str, Any]] = {
        "url": "https://hooks.example.com/eventshop",
        "types": ["OrderCreated", "OrderShipped"],
        "active": True,
    }

    url: Url
    types: Types
    active: bool


class WebhookDetails(Struct, frozen=True):
    """A webhook. `cursor` is the store position up to which events were enqueued for it."""

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


class CreatedWebhook(WebhookDetails, frozen=True):
    """A new webhook. `secret` is shown this once; it is null in the answer to a repeated request."""

    example: ClassVar[dict[str, Any]] = {**WebhookDetails.example, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}

    secret: str | None


class WebhookPage(Struct, frozen=True):
    """A page of webhooks; `next` is the URL of the next page."""

    results: list[WebhookDetails]
    next: str | None
    next_cursor: str | None


class SigningSecret(Struct, frozen=True, omit_defaults=True):
    """A new signing secret, shown this once. Messages are also signed with the previous one until `former_until`."""

    secret: str
    former_until: Instant | None = None


class AttemptDetails(Struct, frozen=True):
    """One attempt of a delivery. Without `status` there was no response, and `error` says why."""

    at: Instant
    status: int | None
    error: str
    took_ms: int


class DeliveryDetails(Struct, frozen=True):
    """The delivery of one event: `id` is the header webhook-id, `state` is waiting, delivered or failed."""

    id: UUID
    position: int
    type: str
    state: str
    due_at: Instant | None
    attempts: list[AttemptDetails]


class DeliveryPage(Struct, frozen=True):
    """A page of a webhook's deliveries, newest first; `next` is the URL of the next page."""

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
    attempts = [_attempt_details(attempt) for attempt in delivery.attempts.all()]
    due = delivery.due_at if waiting else None
    return DeliveryDetails(delivery.pk, delivery.position, delivery.event_type, delivery.state, due, attempts)


def _attempt_details(attempt: WebhookAttempt) -> AttemptDetails:
    return AttemptDetails(attempt.at, attempt.status, attempt.error, attempt.took_ms)
