"""Events of orders for the projections, appended in bulk without deciding commands, to save time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from random import Random
from time import perf_counter
from uuid import UUID

from django.db import connection, transaction
from msgspec import structs

from benchmarks.ticket_aggregate import TEXT, TicketAnswered, tickets
from eventshop.core.message_registry import MessageRegistry, registry
from eventshop.core.messages import Envelope, Event, new_id
from eventshop.core.money import Money
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import AppendRequest, StreamHead, hash_command, utc_now
from eventshop.projections.projection import projection_registry
from eventshop.projections.read_model_table import ReadModelTable
from orders.domain.events import Line, LineAmount, OrderCreated, OrderShipped, PaymentProcessed, StockReceived
from orders.domain.stock_item import stock_item_id

#: In place of the hash of a command.
HASH = hash_command("append", b"")


def write_orders(orders: int) -> int:
    """Write orders of three lines, created, paid and shipped; return the number of events."""
    random = Random(1)
    customers = [UUID(int=random.getrandbits(128), version=4) for _ in range(max(1, orders // 5))]
    pending: list[tuple[AppendRequest, list[Event]]] = []
    for number in range(orders):
        order_id = new_id()
        append = AppendRequest(order_id, "Order", StreamHead(), Envelope(new_id()), "append", HASH, utc_now())
        pending.append((append, order_events(random, order_id, f"B{number}", random.choice(customers))))
        if len(pending) == 1_000 or number == orders - 1:
            _append_all(pending, registry)
            pending = []
    return orders * 3


def _append_all(appends: Sequence[tuple[AppendRequest, list[Event]]], message_registry: MessageRegistry) -> StreamHead:
    """Append events in one transaction, with keys and a receipt for each append; return the last stream's head."""
    session = field_encryption.open_session()
    encoded = [
        (append, structs.replace(append, session=session).encode_rows(events, message_registry))
        for append, events in appends
    ]
    with transaction.atomic(), field_encryption.save_keys_and_claims(session):
        positions = iter(backend().append_events([row for _, rows in encoded for row in rows]))
        receipts = []
        for append, rows in encoded:
            *_, last = islice(positions, len(rows))
            receipts.append(append.receipt_row(rows)._replace(position=last))
        backend().insert_receipts(receipts)
    return StreamHead(rows[-1].version, rows[-1].hash)


def order_events(random: Random, order_id: UUID, reference: str, customer: UUID) -> list[Event]:
    lines = tuple(
        Line(
            sku=f"SKU-{random.randrange(2_000)}",
            description="A thing that people like to buy",
            quantity=random.randint(1, 9),
            price=Money(Decimal(random.randint(100, 9_999)) / 100, "GBP"),
        )
        for _ in range(3)
    )
    total = lines[0].amount + lines[1].amount + lines[2].amount
    amounts = tuple(
        LineAmount(line=place, sku=line.sku, quantity=line.quantity, amount=line.amount)
        for place, line in enumerate(lines, start=1)
    )
    return [
        OrderCreated(
            order_id=order_id,
            reference=reference,
            customer_id=customer,
            country="United Kingdom",
            lines=lines,
            total=total,
        ),
        PaymentProcessed(
            order_id=order_id, reference=reference, customer_id=customer, amount=total, method="card", lines=amounts
        ),
        OrderShipped(order_id=order_id, customer_id=customer, carrier="Royal Mail", tracking=reference),
    ]


def measure_upsert(name: str) -> float:
    """Rows per second when a projection's rows are written again in equally large transactions, and nothing else.

    0 where the projection has too few rows for a measurement.
    """
    model = projection_registry.get(name).model
    table = ReadModelTable(model)
    rows = list(model._default_manager.order_by("pk")[:10_000])
    if len(rows) < 1_000:
        return 0
    started = perf_counter()
    for start in range(0, len(rows), 1_000):
        with transaction.atomic():
            if connection.vendor == "postgresql":
                connection.cursor().execute("SET LOCAL synchronous_commit TO off")  # As the projection engine does.
            table.save(rows[start : start + 1_000])
    return len(rows) / (perf_counter() - started)


def write_stream(stream: UUID, events: int) -> None:
    """Write one stream with this many events."""
    _write_repeated(stream, "Ticket", TicketAnswered(ticket_id=stream, text=TEXT), events, tickets)


def write_deliveries(*, sku: str, events: int) -> dict[str, float]:
    """Write this many deliveries of one product: one stream, and so one partition."""
    started = perf_counter()
    _write_repeated(stock_item_id(sku), "StockItem", StockReceived(sku, 1, "delivery"), events, registry)
    return {"rate": events / (perf_counter() - started)}


def _write_repeated(stream: UUID, aggregate: str, event: Event, events: int, message_registry: MessageRegistry) -> None:
    head = StreamHead()
    for start in range(0, events, 5_000):
        append = AppendRequest(stream, aggregate, head, Envelope(new_id()), "append", HASH, utc_now())
        head = _append_all([(append, [event] * min(5_000, events - start))], message_registry)
