"""Outcomes of commands that start a saga: each app registers the terminal events of such a command."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import DuplicateName
from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Event, Instant, Meta
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.event_store import store


class OutcomeState(StrEnum):
    """The state of a command."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class CommandOutcome(Struct, frozen=True):
    """The outcome of an accepted command. `reason` is why it failed, `resource` the URL of its aggregate."""

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


class TerminalEvents(NamedTuple):
    """The events that end a command in success or failure, and the URL name of the view that shows the aggregate."""

    success: tuple[type[Event], ...]
    failure: tuple[type[Event], ...]
    url_name: str


_terminal_events: Final[dict[str, TerminalEvents]] = {}


def register(command: type[Command], terminal_events: TerminalEvents) -> None:
    """Set the events that end a command. Raises `DuplicateName`."""
    if command.__name__ in _terminal_events:
        raise DuplicateName(f"The outcome of {command.__name__} is declared twice", command=command.__name__)
    _terminal_events[command.__name__] = terminal_events


def find_receipt(command_id: UUID) -> ReceiptRow | None:
    """The receipt of an accepted command; None if there is none."""
    return next(iter(backend().load_receipts([command_id])), None)


def terminal_events_of(receipt: ReceiptRow) -> TerminalEvents | None:
    """The terminal events of the command; None for a command that was complete when it was accepted."""
    return _terminal_events.get(receipt.command_type)


def read_outcome(receipt: ReceiptRow, resource: str | None, *, personal: bool) -> CommandOutcome:
    """The outcome of the command, read from the event stream itself, which never lags behind as a read model does.

    Without `personal`, a reason that is a personal value is left out.
    """
    terminal = terminal_events_of(receipt)
    if terminal is None:
        return _build_outcome(receipt, resource, OutcomeState.SUCCEEDED)
    for recorded_event in store.get_event_stream(receipt.aggregate_id, after=receipt.version - receipt.events):
        if isinstance(recorded_event.event, (*terminal.success, *terminal.failure)):
            state = (
                OutcomeState.SUCCEEDED if isinstance(recorded_event.event, terminal.success) else OutcomeState.FAILED
            )
            reason = _reason_of(recorded_event.event, personal) if state is OutcomeState.FAILED else ""
            return _build_outcome(receipt, resource, state, reason, recorded_event.meta)
    return _build_outcome(receipt, resource, OutcomeState.RUNNING)


def _reason_of(event: Any, personal: bool) -> str:
    is_hidden = not personal and any(field.name == "reason" for field in registry.personal_fields_of(type(event)))
    return "" if is_hidden else str(getattr(event, "reason", ""))


def _build_outcome(
    receipt: ReceiptRow,
    resource: str | None,
    state: OutcomeState,
    reason: str = "",
    ended_by: Meta | None = None,
) -> CommandOutcome:
    return CommandOutcome(
        command_id=receipt.command_id,
        aggregate_id=receipt.aggregate_id,
        aggregate_type=receipt.aggregate_type,
        version=receipt.version,
        state=state,
        reason=reason,
        ended_by=ended_by.event_type if ended_by else None,
        ended_at=ended_by.occurred_at if ended_by else None,
        resource=resource,
    )
