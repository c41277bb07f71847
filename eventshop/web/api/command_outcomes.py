"""What becomes of a command that only begins something: whoever knows which events end it says so when it starts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from eventshop.core.messages import Command, Event, Instant, Meta
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import ReceiptRow


class OutcomeState(StrEnum):
    """How far it is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Outcome(Struct, frozen=True):
    """What has become of an accepted command; `reason` is why it failed, `resource` what it was about."""

    example: ClassVar[dict[str, Any]] = {
        "command_id": "0f0d0a3e-8f5c-5d0b-9d6f-3a0a8a1c2b3d",
        "aggregate_id": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
        "aggregate_type": "Order",
        "version": 2,
        "state": "failed",
        "reason": "not enough money",
        "ended_by": "PaymentDeclined",
        "ended_at": "2026-01-30T12:00:00Z",
        "resource": "https://shop.example/api/v1/orders/5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
    }

    command_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    version: int
    state: OutcomeState
    reason: str
    ended_by: str | None
    ended_at: Instant | None
    resource: str | None


class Ends(NamedTuple):
    """The events that end it, well or badly, and the name of the address that shows the aggregate."""

    well: tuple[type[Event], ...]
    badly: tuple[type[Event], ...]
    shown_at: str


_ends: Final[dict[str, Ends]] = {}


def register(command: type[Command], *, well: Iterable[type[Event]], badly: Iterable[type[Event]], at: str) -> None:
    _ends[command.__name__] = Ends(tuple(well), tuple(badly), at)


def receipt_of(command_id: UUID) -> ReceiptRow | None:
    """The receipt of a command that was accepted."""
    return next(iter(engine().receipts([command_id])), None)


def ends_of(receipt: ReceiptRow) -> Ends | None:
    """What ends it; None for a command that was done as soon as it was accepted."""
    return _ends.get(receipt.command_type)


def outcome(receipt: ReceiptRow, resource: str | None) -> Outcome:
    """Read from the stream itself, so that it never lags."""
    ends = ends_of(receipt)
    if ends is None:
        return _told(receipt, resource, OutcomeState.SUCCEEDED)
    for later in store.get_event_stream(receipt.aggregate_id, after=receipt.version - receipt.events):
        if isinstance(later.event, (*ends.well, *ends.badly)):
            state = OutcomeState.SUCCEEDED if isinstance(later.event, ends.well) else OutcomeState.FAILED
            reason = str(getattr(later.event, "reason", "")) if state is OutcomeState.FAILED else ""
            return _told(receipt, resource, state, reason, later.meta)
    return _told(receipt, resource, OutcomeState.RUNNING)


def _told(
    receipt: ReceiptRow,
    resource: str | None,
    state: OutcomeState,
    reason: str = "",
    end: Meta | None = None,
) -> Outcome:
    return Outcome(
        command_id=receipt.command_id,
        aggregate_id=receipt.aggregate_id,
        aggregate_type=receipt.aggregate_type,
        version=receipt.version,
        state=state,
        reason=reason,
        ended_by=end.event_type if end else None,
        ended_at=end.occurred_at if end else None,
        resource=resource,
    )
