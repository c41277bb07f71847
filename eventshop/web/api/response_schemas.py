"""The response schemas of the API, and the message schema of webhooks, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from msgspec import Struct

from eventshop.core.messages import Instant


class CommandReceipt(Struct, frozen=True):
    """The receipt of an accepted command. It never changes."""

    example: ClassVar[dict[str, Any]] = {
        "command_id": "0f0d0a3e-8f5c-5d0b-9d6f-3a0a8a1c2b3d",
        "aggregate_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
        "aggregate_type": "Order",
        "version": 1,
        "events": 1,
        "position": 7,
    }

    command_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: int
    events: int
    position: int


class ErrorDetail(Struct, frozen=True, omit_defaults=True):
    """An invalid part of a request (JSON pointer, query parameter or header), and why it is invalid."""

    detail: str
    pointer: str = ""
    parameter: str = ""
    header: str = ""


class Problem(Struct, frozen=True, omit_defaults=True):
    """Problem details (RFC 9457). `code` never changes; quote `trace_id` when you report a problem."""

    example: ClassVar[dict[str, Any]] = {
        "type": "/problems/invalid-body",
        "title": "Unprocessable Entity",
        "status": 422,
        "code": "invalid-body",
        "detail": "must be a whole number of at least 1",
        "trace_id": "01a20e59585c711dae7ff47ebd64bdf1",
        "errors": [{"pointer": "/lines/0/quantity", "detail": "must be a whole number of at least 1"}],
    }

    type: str
    title: str
    status: int
    code: str
    detail: str
    trace_id: str = ""
    errors: list[ErrorDetail] = []
    version: int = 0


_EVENT: Final = {
    "event_id": "01a20e55-141a-72bd-a5db-3d2a21ac1e7f",
    "type": "OrderShipped",
    "schema_version": 1,
    "aggregate_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
    "aggregate_type": "Order",
    "version": 3,
    "position": 9,
    "occurred_at": "2026-01-30T12:00:00Z",
    "recorded_at": "2026-01-30T12:00:00Z",
    "correlation_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
    "causation_id": None,
    "command_id": "0f0d0a3e-8f5c-5d0b-9d6f-3a0a8a1c2b3d",
    "data": {"order_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a", "carrier": "Royal Mail", "tracking": None},
}


class EventRecord(Struct, frozen=True):
    """An event. `data` has the fields of its type and schema version; personal fields are null for most readers."""

    event_id: UUID
    type: str
    schema_version: int
    aggregate_id: UUID
    aggregate_type: str
    version: int
    position: int
    occurred_at: Instant
    recorded_at: Instant
    correlation_id: UUID
    causation_id: UUID | None
    command_id: UUID
    data: dict[str, Any]


class StreamPage(Struct, frozen=True):
    """A page of events of one stream; `next` and `prev` are the URLs of the pages after and before."""

    example: ClassVar[dict[str, Any]] = {"results": [_EVENT], "next": None, "prev": None}

    results: list[EventRecord]
    next: str | None
    prev: str | None


class FeedPage(Struct, frozen=True):
    """A page of the event feed; `next` continues after it, also when there is nothing more yet (`more`)."""

    example: ClassVar[dict[str, Any]] = {
        "results": [_EVENT],
        "next": "https://shop.example/api/v1/events?after=9",
        "cursor": 9,
        "more": False,
    }

    results: list[EventRecord]
    next: str
    cursor: int
    more: bool


class CallerIdentity(Struct, frozen=True, omit_defaults=True):
    """The caller's identity and scopes."""

    example: ClassVar[dict[str, Any]] = {
        "person_id": "41f1ed4b-8d06-54f3-8763-1d775ccaf481",
        "staff": False,
        "scopes": ["orders:read", "orders:write"],
        "token": "Till 7",
        "expires_at": "2026-12-31T12:00:00Z",
    }

    person_id: UUID | None
    staff: bool
    scopes: list[str]
    token: str = ""
    expires_at: Instant | None = None


class WebhookMessage(Struct, frozen=True):
    """The message that a webhook sends."""

    example: ClassVar[dict[str, Any]] = {"type": "OrderShipped", "timestamp": "2026-01-30T12:00:00Z", "data": _EVENT}

    type: str
    timestamp: Instant
    data: EventRecord
