"""From any id or name that an operator has in hand to the stories it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from eventshop.admin_console.registry import streams_named
from eventshop.admin_console.search import as_uuid, of_receipt
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.models import WebRequest
from eventshop.sagas.models import Saga, SagaStep

#: Stories that one id may lead to: an order that many people had to do with.
MOST_STORIES: Final = 20


class UnknownId(EventShopError):
    """Nothing here has this id, number or name."""

    code = "unknown-id"


def stories_of(text: str) -> list[UUID]:
    """The correlation ids of everything that an id of any kind, a position or an order's number means, oldest first.

    Each way by an index. Raises `UnknownId`.
    """
    text = text.strip()
    identity = as_uuid(text)
    found = _by_id(identity) if identity else _by_name(text) if text.isprintable() else []
    if not found:
        raise UnknownId(f"nothing has the id, number or name {text[:100]!r}", id=text)
    return found


def _by_id(identity: UUID) -> list[UUID]:
    ways = (_of_events, _of_command, _of_saga, _of_request, _of_stream)
    return next((found for way in ways if (found := way(identity))), [])


def _by_name(text: str) -> list[UUID]:
    streams = streams_named(text)[:MOST_STORIES] if text else []
    found = [correlation for stream in streams for correlation in _of_stream(stream)]
    if not found and text.isascii() and text.isdecimal() and len(text) < 19:
        found = list(StoredEvent.objects.filter(position=int(text)).values_list("correlation_id", flat=True))
    return list(dict.fromkeys(found))


def _of_events(identity: UUID) -> list[UUID]:
    """A correlation id, or an event's."""
    if StoredEvent.objects.filter(correlation_id=identity).order_by().exists():
        return [identity]
    return list(StoredEvent.objects.filter(event_id=identity).values_list("correlation_id", flat=True))


def _of_command(identity: UUID) -> list[UUID]:
    """A command's id; one that changed nothing belongs to its stream's stories."""
    receipt = StoredReceipt.objects.filter(pk=identity).first()
    if receipt is None:
        return []
    of_it = of_receipt(StoredEvent.objects.all(), receipt)
    return _distinct(of_it.values_list("correlation_id", flat=True)) or _of_stream(receipt.aggregate_id)


def _of_saga(identity: UUID) -> list[UUID]:
    """A saga's id, or a step's: a refused command, the key of a payment."""
    saga_id = SagaStep.objects.filter(pk=identity).values_list("saga_id", flat=True).first() or identity
    return list(Saga.objects.filter(pk=saga_id).values_list("correlation_id", flat=True))


def _of_request(identity: UUID) -> list[UUID]:
    """A request's id, or a caller's trace id."""
    requests = list(WebRequest.objects.filter(pk=identity)) or list(
        WebRequest.objects.filter(trace_id=identity.hex).order_by("answered_at")[:MOST_STORIES]
    )
    commands = [UUID(command) for request in requests for command in request.commands.split()]
    return _distinct(correlation for command in commands[:MOST_STORIES] for correlation in _of_command(command))


def _of_stream(aggregate_id: UUID) -> list[UUID]:
    """An aggregate's id: an order's, say."""
    events = StoredEvent.objects.filter(aggregate_id=aggregate_id).order_by("version")
    return _distinct(events.values_list("correlation_id", flat=True)[:1_000])


def _distinct(found: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(found))[:MOST_STORIES]
