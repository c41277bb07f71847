"""The stored sales and cancellations of some customers: what a new file may change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from django.db.models import JSONField, Min, QuerySet
from django.db.models.functions import Cast
from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_execution import load_aggregate
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import HistoryEntry
from orders.domain.order import Order, Status
from orders.importers.online_retail.commands import ACTOR, customer_id, order_id
from orders.importers.online_retail.invoices import Invoice, InvoiceOrder, Kind, order_of
from orders.importers.online_retail.return_matching import SaleKey, SaleLine
from orders.importers.online_retail.stored_invoices import NEVER, Comparison, compare_with_store

#: Streams loaded at a time, invoices compared at a time, and ids in one statement (SQLite's default limit is 32,766).
_STREAMS: Final = 500
_INVOICES: Final = 500
_IDS: Final = 10_000


class _Reference(Struct):
    reference: str
    customer_id: UUID


def find_cancellations(countries: Mapping[str, str], besides: Collection[str]) -> Iterator[tuple[Invoice, Comparison]]:
    """The stored cancellations of the customers with these numbers, besides those of the file."""
    numbers = {id_: number for number in countries if (id_ := customer_id(number))}
    found: dict[str, UUID] = {}
    for events in _imported_events(("ItemsReturned", "CreditNoteIssued"), list(numbers)):
        for payload in events.values_list("payload", flat=True).iterator():
            one = msgspec.json.decode(payload, type=_Reference)
            found[one.reference] = one.customer_id
    stubs = [
        Invoice(
            name=f"invoice {reference}",
            rows=(),
            number=reference,
            kind=Kind.CANCELLATION,
            at=NEVER,
            customer=numbers[customer],
            country=countries[numbers[customer]],
        )
        for reference, customer in found.items()
        if reference not in besides
    ]
    for start in range(0, len(stubs), _INVOICES):
        chunk = stubs[start : start + _INVOICES]
        for stub, comparison in zip(chunk, compare_with_store(chunk), strict=True):
            if comparison.stored.returned or comparison.stored.credited:
                yield replace(stub, at=comparison.stored.at), comparison


def load_sale_lines(
    customers: Collection[UUID],
    free_again: Mapping[tuple[UUID, int], int],
    earlier: Mapping[UUID, datetime],
) -> Iterator[tuple[SaleKey, SaleLine]]:
    """The lines of imported orders of some customers that have units left.

    `free_again` are units by order and line whose returns are matched anew; `earlier` are times of orders of which the
    file has a row that is earlier than all stored ones.
    """
    times = dict[UUID, datetime]()
    for events in _imported_events(("OrderCreated", "LinesAdded"), list(customers)):
        times |= dict(events.values("aggregate_id").annotate(at=Min("occurred_at")).values_list("aggregate_id", "at"))
    ids = list(times)
    for start in range(0, len(ids), _STREAMS):
        histories: dict[UUID, list[HistoryEntry]] = defaultdict(list)
        for stream, entry in backend().load_histories(ids[start : start + _STREAMS]):
            histories[stream].append(entry)
        for stream, history in histories.items():
            order = cast(Order, load_aggregate(Order, stream, history, registry).state)
            if order.status is not Status.CANCELLED and stream == order_id(order.reference):
                at = min(times[stream], earlier.get(stream, times[stream]))
                yield from _lines_of(order, stream, order_of(order.reference, at), free_again)


def _lines_of(
    order: Order, stream: UUID, position: InvoiceOrder, free_again: Mapping[tuple[UUID, int], int]
) -> Iterator[tuple[SaleKey, SaleLine]]:
    for line in order.lines:
        left = line.quantity - line.returned + free_again.get((stream, line.line), 0)
        if order.customer_id and left > 0:
            yield (order.customer_id, line.sku, line.price.amount), SaleLine(stream, line.line, position, left)


def _imported_events(types: Sequence[str], customers: Sequence[UUID]) -> Iterator[QuerySet[StoredEvent, Any]]:
    """The imported events of these types that name one of the customers, in several queries."""
    wanted = sorted(map(str, customers))
    for start in range(0, len(wanted), _IDS):
        events = StoredEvent.objects.filter(event_type__in=types, actor=ACTOR)
        events = events.annotate(body=Cast("payload", JSONField()))
        yield events.filter(body__customer_id__in=wanted[start : start + _IDS]).order_by()
