"""Look-up of correlations by any id or business reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from eventshop.admin_console.registry import find_streams
from eventshop.admin_console.search import events_of_receipt, parse_uuid
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.models import WebRequest
from eventshop.sagas.models import Saga, SagaStep

#: The correlations that one look-up returns; an aggregate can take part in many.
MAX_CORRELATIONS: Final = 20


class UnknownId(EventShopError):
    """No request, command, event, saga or stream has this id or reference."""

    code = "unknown-id"


def find_correlations(text: str) -> list[UUID]:
    """The correlation ids that an id of any kind, a position or an order number denotes, oldest first.

    Every look-up uses an index. Raises `UnknownId`.
    """
    text = text.strip()
    identity = parse_uuid(text)
    correlation_ids = _by_id(identity) if identity else _by_name(text) if text.isprintable() else []
    if not correlation_ids:
        raise UnknownId(f"nothing has the id, number or reference {text[:100]!r}", id=text)
    return correlation_ids


def _by_id(identity: UUID) -> list[UUID]:
    lookups = (
        _correlations_of_event,
        _correlations_of_command,
        _correlations_of_saga,
        _correlations_of_request,
        _correlations_of_stream,
    )
    return next((ids for lookup in lookups if (ids := lookup(identity))), [])


def _by_name(text: str) -> list[UUID]:
    streams = find_streams(text)[:MAX_CORRELATIONS] if text else []
    correlation_ids = [correlation for stream in streams for correlation in _correlations_of_stream(stream)]
    if not correlation_ids and text.isascii() and text.isdecimal() and len(text) < 19:
        correlation_ids = list(StoredEvent.objects.filter(position=int(text)).values_list("correlation_id", flat=True))
    return list(dict.fromkeys(correlation_ids))


def _correlations_of_event(identity: UUID) -> list[UUID]:
    """A correlation id, or an event's."""
    if StoredEvent.objects.filter(correlation_id=identity).order_by().exists():
        return [identity]
    return list(StoredEvent.objects.filter(event_id=identity).values_list("correlation_id", flat=True))


def _correlations_of_command(identity: UUID) -> list[UUID]:
    """Of a command. One that appended no event returns the correlations of its stream."""
    receipt = StoredReceipt.objects.filter(pk=identity).first()
    if receipt is None:
        return []
    events = events_of_receipt(StoredEvent.objects.all(), receipt)
    return _deduplicate(events.values_list("correlation_id", flat=True)) or _correlations_of_stream(
        receipt.aggregate_id
    )


def _correlations_of_saga(identity: UUID) -> list[UUID]:
    """Of a saga, or of a step: a refused command, the key of a payment."""
    saga_id = SagaStep.objects.filter(pk=identity).values_list("saga_id", flat=True).first() or identity
    return list(Saga.objects.filter(pk=saga_id).values_list("correlation_id", flat=True))


def _correlations_of_request(identity: UUID) -> list[UUID]:
    """Of a web request, or of the caller's trace id."""
    requests = list(WebRequest.objects.filter(pk=identity)) or list(
        WebRequest.objects.filter(trace_id=identity.hex).order_by("answered_at")[:MAX_CORRELATIONS]
    )
    commands = [UUID(command) for request in requests for command in request.commands.split()]
    return _deduplicate(
        correlation for command in commands[:MAX_CORRELATIONS] for correlation in _correlations_of_command(command)
    )


def _correlations_of_stream(aggregate_id: UUID) -> list[UUID]:
    """Of an aggregate, such as an order."""
    events = StoredEvent.objects.filter(aggregate_id=aggregate_id).order_by("version")
    return _deduplicate(events.values_list("correlation_id", flat=True)[:1_000])


def _deduplicate(correlation_ids: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(correlation_ids))[:MAX_CORRELATIONS]
