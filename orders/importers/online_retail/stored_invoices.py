"""What the store has of some invoices, and the orders whose lines a cancellation may return."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from django.db.models import JSONField
from django.db.models.functions import Cast
from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.core.messages import Event, RecordedEvent
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_execution import load_aggregate
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import HistoryEntry, to_recorded_event
from eventshop.privacy.encryption import personal_keys
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    OrderCreated,
    PaymentProcessed,
    StockWrittenOff,
)
from orders.domain.order import Order, Status
from orders.importers.online_retail.commands import ACTOR, correlation_id, customer_id, order_id, reason_of
from orders.importers.online_retail.invoices import Invoice, InvoiceOrder, Kind, kind_of, order_of
from orders.importers.online_retail.parsing import Row
from orders.importers.online_retail.return_matching import SaleKey, SaleLine

#: Streams loaded at a time, and ids in one statement (SQLite's default limit is 32,766).
_STREAMS: Final = 500
_IDS: Final = 10_000
#: The events that say what an invoice contains, by its kind; others with its number belong to what followed.
_CONTENTS: Final[dict[Kind, tuple[type[Event], ...]]] = {
    Kind.SALE: (OrderCreated, PaymentProcessed),
    Kind.CANCELLATION: (ItemsReturned, CreditNoteIssued),
    Kind.ADJUSTMENT: (StockWrittenOff,),
}
StoredContents: TypeAlias = list[RecordedEvent[Any]]


class Comparison(Struct, frozen=True):
    """An invoice of the file against the store: the rows that are missing there, or that it has other contents."""

    missing: Sequence[Row]
    stored_commands: int = 0  # of this invoice; a sale has two
    differs: bool = False
    is_customer_erased: bool = False


def compare_with_store(invoices: Sequence[Invoice]) -> list[Comparison]:
    """Compare each invoice with what an import of this or an earlier release stored of it, all in one query.

    Receipts cannot tell: earlier releases sent other commands for the same contents.
    """
    stored: dict[UUID, StoredContents] = defaultdict(list)
    ids = list({correlation_id(invoice.number) for invoice in invoices})
    placeholders = ", ".join(["%s"] * len(ids))
    where = f"WHERE correlation_id IN ({placeholders}) AND actor = %s ORDER BY position"
    for row in backend().select_events(where, (*ids, ACTOR)) if ids else ():
        stored[row.correlation_id].append(to_recorded_event(row, registry))
    erased = personal_keys.erased_among({id_ for invoice in invoices if (id_ := customer_id(invoice.customer))})
    return [
        replace(
            _compare(invoice, stored.get(correlation_id(invoice.number), [])),
            is_customer_erased=customer_id(invoice.customer) in erased,
        )
        for invoice in invoices
    ]


def load_sale_lines(customers: Iterable[UUID]) -> Iterator[tuple[SaleKey, SaleLine]]:
    """The lines of imported orders of some customers that have units left."""
    wanted, times = sorted(map(str, customers)), dict[UUID, Any]()
    for start in range(0, len(wanted), _IDS):
        orders = StoredEvent.objects.filter(event_type="OrderCreated", actor=ACTOR).annotate(
            body=Cast("payload", JSONField())
        )
        found = orders.filter(body__customer_id__in=wanted[start : start + _IDS])
        times |= dict(found.order_by().values_list("aggregate_id", "occurred_at"))
    ids = list(times)
    for start in range(0, len(ids), _STREAMS):
        histories: dict[UUID, list[HistoryEntry]] = defaultdict(list)
        for stream, entry in backend().load_histories(ids[start : start + _STREAMS]):
            histories[stream].append(entry)
        for stream, history in histories.items():
            order = cast(Order, load_aggregate(Order, stream, history, registry).state)
            if order.status is not Status.CANCELLED and stream == order_id(order.reference):
                yield from _lines_of(order, stream, order_of(order.reference, times[stream]))


def _lines_of(order: Order, stream: UUID, position: InvoiceOrder) -> Iterator[tuple[SaleKey, SaleLine]]:
    for line in order.lines:
        if order.customer_id and line.quantity_left:
            key = (order.customer_id, line.sku, line.price.amount)
            yield key, SaleLine(stream, line.line, position, line.quantity_left)


def _compare(invoice: Invoice, stored: Iterable[RecordedEvent[Any]]) -> Comparison:
    contents = [recorded for recorded in stored if isinstance(recorded.event, _CONTENTS[invoice.kind])]
    commands = len({recorded.meta.command_id for recorded in contents})
    if not commands:
        return Comparison(missing=invoice.rows)
    events = [recorded.event for recorded in contents]
    left = _contents_of(events)
    missing = [row for row in invoice.rows if not _take(left, row)]
    times = {row.at for row in invoice.rows}
    same = (
        not +left
        and not (missing and invoice.kind is Kind.SALE)  # an order cannot be completed
        and all(recorded.meta.occurred_at in times for recorded in contents)
        and all(event.customer_id == customer_id(invoice.customer) for event in events if hasattr(event, "customer_id"))
        and all(event.country == invoice.country for event in events if hasattr(event, "country"))
    )
    return Comparison(missing, commands, differs=not same)


def _contents_of(events: Iterable[Any]) -> Counter[tuple[object, ...]]:
    """The units in the events, by what a row says of them."""
    units: Counter[tuple[object, ...]] = Counter()
    for event in events:
        match event:
            case OrderCreated():
                for line in event.lines:
                    units[line.sku, line.description.strip(), line.price.amount, line.quantity] += 1
            case CreditNoteIssued():
                for line in event.lines:
                    units[line.sku, line.price.amount] += line.quantity
            case ItemsReturned():
                for amount in event.lines:
                    units[amount.sku, amount.amount.amount / amount.quantity] += amount.quantity
            case StockWrittenOff():
                units[event.sku, str(event.reason).strip(), event.quantity] += 1
            case _:
                pass  # a payment has no lines
    return units


def _take(units: Counter[tuple[object, ...]], row: Row) -> bool:
    """Take a row off the units that are stored; False if they are not all there."""
    key, quantity = _key_of(row)
    if units[key] < quantity:
        return False
    units[key] -= quantity
    return True


def _key_of(row: Row) -> tuple[tuple[object, ...], int]:
    match kind_of(row):
        case Kind.SALE:
            return (row.sku, row.description.strip(), row.price.amount, row.quantity), 1
        case Kind.CANCELLATION:
            return (row.sku, row.price.amount), -row.quantity
        case Kind.ADJUSTMENT:
            return (row.sku, reason_of(row), -row.quantity), 1
