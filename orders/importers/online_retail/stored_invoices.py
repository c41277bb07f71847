"""What the store has of some invoices, compared with the rows of a file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.core.messages import Event, RecordedEvent
from eventshop.core.money import Money
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from eventshop.privacy.encryption import personal_keys
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    Line,
    LinesAdded,
    OrderCreated,
    PaymentProcessed,
    ReturnReversed,
    StockWrittenOff,
)
from orders.importers.online_retail.commands import ACTOR, correlation_id, customer_id, parse_rows, reason_of
from orders.importers.online_retail.cut_invoices import RowKey, find_stored_places
from orders.importers.online_retail.invoices import Invoice, Kind, kind_of
from orders.importers.online_retail.parsing import Row

#: The events that say what an invoice contains, by its kind; others with its number belong to what followed.
_CONTENTS: Final[dict[Kind, tuple[type[Event], ...]]] = {
    Kind.SALE: (OrderCreated, PaymentProcessed, LinesAdded),
    Kind.CANCELLATION: (ItemsReturned, CreditNoteIssued, ReturnReversed, CreditNoteReversed),
    Kind.ADJUSTMENT: (StockWrittenOff,),
}
#: The time of what did not happen.
NEVER: Final = datetime.max.replace(tzinfo=UTC)


class StoredReturn(Struct, frozen=True):
    """Units of an order's lines that a cancellation returned."""

    lines: dict[int, int]
    at: datetime


class StoredInvoice(Struct, frozen=True):
    """What the import of this or an earlier release stored of an invoice."""

    commands: int = 0
    at: datetime = NEVER
    keys: Counter[RowKey] = Counter()  # of its rows
    units: Counter[RowKey] = Counter()  # of returns that do not say which rows they merge: units by SKU and price
    # Of a sale:
    parts: tuple[tuple[RowKey, ...], ...] = ()  # its rows in their order, as files brought them
    total: Decimal = Decimal(0)
    paid: Decimal | None = None
    # Of a cancellation; what may be matched anew:
    returns: dict[UUID, StoredReturn] = {}
    returned: tuple[Row, ...] = ()
    credited: tuple[Row, ...] = ()

    @property
    def lines(self) -> int:
        return sum(map(len, self.parts))


class Comparison(Struct, frozen=True):
    """An invoice of the file against the store: the rows that are missing there, or that it is another's.

    `changed`: there is a row of the same product that the file has not. Either the shop changed it, or each file has a
    part of the invoice.
    """

    missing: Sequence[Row]
    stored: StoredInvoice = StoredInvoice()
    differs: bool = False
    changed: bool = False
    is_customer_erased: bool = False

    def complete(self, invoice: Invoice, missing: Sequence[Row] | None = None) -> Invoice:
        """The invoice with all rows that may be matched with sales, those of the store and those of the file."""
        rows = self.missing if missing is None else missing
        if self.differs or invoice.held_back:
            rows = ()
        at = min([self.stored.at, *(row.at for row in rows)])
        return replace(invoice, rows=(*self.stored.returned, *self.stored.credited, *rows), at=at)


def compare_with_store(
    invoices: Sequence[Invoice], is_cut: Callable[[Invoice], bool] = lambda invoice: False
) -> list[Comparison]:
    """Compare each invoice with what is stored of it, all in one query.

    `is_cut`: whether the file may have only some consecutive rows of an invoice. Otherwise rows that agree in what they
    say of their units are the same row, up to the number of each file.

    Receipts cannot tell: earlier releases sent other commands for the same contents.
    """
    events: dict[UUID, list[RecordedEvent[Any]]] = defaultdict(list)
    ids = list({correlation_id(invoice.number) for invoice in invoices})
    placeholders = ", ".join(["%s"] * len(ids))
    where = f"WHERE correlation_id IN ({placeholders}) AND actor = %s ORDER BY position"
    for row in backend().select_events(where, (*ids, ACTOR)) if ids else ():
        events[row.correlation_id].append(to_recorded_event(row, registry))
    erased = personal_keys.erased_among({id_ for invoice in invoices if (id_ := customer_id(invoice.customer))})
    return [
        replace(
            _compare(invoice, events.get(correlation_id(invoice.number), []), is_cut=is_cut(invoice)),
            is_customer_erased=customer_id(invoice.customer) in erased,
        )
        for invoice in invoices
    ]


def _compare(invoice: Invoice, recorded: Iterable[RecordedEvent[Any]], *, is_cut: bool) -> Comparison:
    contents = [one for one in recorded if isinstance(one.event, _CONTENTS[invoice.kind])]
    if not contents:
        return Comparison(missing=invoice.rows)
    events = [one.event for one in contents]
    same = all(
        event.customer_id == customer_id(invoice.customer) for event in events if hasattr(event, "customer_id")
    ) and all(event.country == invoice.country for event in events if hasattr(event, "country"))
    stored = replace(
        _READERS[invoice.kind](invoice, contents),
        commands=len({one.meta.command_id for one in contents}),
        at=min(one.meta.occurred_at for one in contents),
    )
    keys, units = stored.keys.copy(), stored.units.copy()
    missing = [row for row in invoice.rows if not _take(keys, units, row)]
    not_in_file = {key[0] for key in (*+keys, *+units)}
    changed = any(row.sku in not_in_file for row in missing)
    if missing and is_cut and stored.parts:
        missing = _missing_of_cut(invoice.rows, stored, missing)
    return Comparison(missing, stored, differs=not same, changed=changed)


def _missing_of_cut(rows: Sequence[Row], stored: StoredInvoice, by_contents: list[Row]) -> list[Row]:
    places = find_stored_places([_key_of(row) for row in rows], stored.parts)
    if len(rows) - len(by_contents) == stored.lines > len(places):
        return by_contents  # the file has all rows of the store, in another order
    return [row for place, row in enumerate(rows) if place not in places]


def _read_sale(invoice: Invoice, contents: Sequence[RecordedEvent[Any]]) -> StoredInvoice:
    events = [one.event for one in contents]
    parts = [event.lines for event in events if isinstance(event, OrderCreated | LinesAdded)]
    lines = [line for part in parts for line in part]
    payments = [event.amount.amount for event in events if isinstance(event, PaymentProcessed)]
    return StoredInvoice(
        keys=Counter(map(_key_of_line, lines)),
        parts=tuple(tuple(map(_key_of_line, part)) for part in parts),
        total=sum((line.amount.amount for line in lines), Decimal(0)),
        paid=sum(payments, Decimal(0)) if payments else None,
    )


def _read_adjustment(invoice: Invoice, contents: Sequence[RecordedEvent[Any]]) -> StoredInvoice:
    return StoredInvoice(
        keys=Counter((one.event.sku, str(one.event.reason).strip(), one.event.quantity) for one in contents)
    )


def _read_cancellation(invoice: Invoice, contents: Sequence[RecordedEvent[Any]]) -> StoredInvoice:
    """The returns and the credit note that hold. A return of an earlier release does not name its rows: it stays."""
    returns: dict[UUID, RecordedEvent[Any]] = {}
    note: RecordedEvent[Any] | None = None
    units: Counter[RowKey] = Counter()
    for one in contents:
        match one.event:
            case ItemsReturned(lines=lines) if "rows" not in one.meta.metadata:
                for line in lines:
                    units[line.sku, line.amount.amount / line.quantity] += line.quantity
            case ItemsReturned(order_id=order):
                returns[order] = one
            case ReturnReversed(order_id=order):
                returns.pop(order, None)
            case CreditNoteIssued():
                note = one
            case CreditNoteReversed():
                note = None
    returned = [row for one in returns.values() for row in _returned_rows(invoice, one)]
    credited = [_stored_row(invoice, note, line) for line in note.event.lines] if note else []
    return StoredInvoice(
        keys=Counter(map(_key_of, (*returned, *credited))),
        units=units,
        returns={
            order: StoredReturn({line.line: line.quantity for line in one.event.lines}, one.meta.occurred_at)
            for order, one in returns.items()
        },
        returned=tuple(returned),
        credited=tuple(credited),
    )


_READERS: Final = {Kind.SALE: _read_sale, Kind.CANCELLATION: _read_cancellation, Kind.ADJUSTMENT: _read_adjustment}


def _returned_rows(invoice: Invoice, returned: RecordedEvent[Any]) -> Iterator[Row]:
    quantities: Mapping[int, list[int]] = parse_rows(returned.meta.metadata["rows"])
    for amount in returned.event.lines:
        price = Money(amount.amount.amount / amount.quantity, amount.amount.currency)
        for quantity in quantities[amount.line]:
            yield _stored_row(invoice, returned, Line(amount.sku, "", quantity, price))


def _stored_row(invoice: Invoice, recorded: RecordedEvent[Any], line: Line) -> Row:
    return Row(
        line=0,
        invoice=invoice.number,
        sku=line.sku,
        description=line.description,
        quantity=-line.quantity,
        at=recorded.meta.occurred_at,
        price=line.price,
        customer=invoice.customer,
        country=invoice.country,
    )


def _take(keys: Counter[RowKey], units: Counter[RowKey], row: Row) -> bool:
    """Take a row off what is stored; False if it is not there."""
    key, merged = _key_of(row), (row.sku, row.price.amount)
    if keys[key] > 0:
        keys[key] -= 1
        return True
    if kind_of(row) is Kind.CANCELLATION and units[merged] >= -row.quantity:
        units[merged] += row.quantity
        return True
    return False


def _key_of_line(line: Line) -> RowKey:
    return line.sku, line.description.strip(), line.price.amount, line.quantity


def _key_of(row: Row) -> RowKey:
    match kind_of(row):
        case Kind.SALE:
            return row.sku, row.description.strip(), row.price.amount, row.quantity
        case Kind.CANCELLATION:
            return row.sku, row.price.amount, row.quantity
        case Kind.ADJUSTMENT:
            return row.sku, reason_of(row), -row.quantity
