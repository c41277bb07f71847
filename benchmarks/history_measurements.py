"""Measurements of history: hash chains, long streams, snapshots, events of earlier versions, replay."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median
from time import perf_counter, process_time
from uuid import UUID, uuid4

from django.db import connection, transaction

from benchmarks.sales_events import write_stream
from benchmarks.ticket_aggregate import AnswerTicket, OpenTicket, tickets
from eventshop.core.message_registry import registry
from eventshop.core.money import Money
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_execution import load_aggregate
from eventshop.eventstore.field_encryption import FieldContext, read_event
from eventshop.eventstore.hash_chain import parallel_verification
from eventshop.eventstore.records import to_recorded_event
from eventshop.eventstore.snapshots import policy, repository
from eventshop.eventstore.tail_reader import TailReader
from orders.domain.events import OrderCreated

ORDER = UUID(int=7)
_HEAD = f'{{"order_id":"{ORDER}","customer_id":"{ORDER}"'
_EARLIER = f'{_HEAD},"carrier":"Royal Mail Tracked 48","tracking":"RM1"}}'
_CURRENT = f'{_HEAD},"carrier":"Royal Mail","tracking":"RM1","service":"Tracked 48"}}'


def verify_chains() -> dict[str, float]:
    """Events per second, and microseconds of processor time per event of this process and of its PostgreSQL backend."""
    started, own_s, backend_s = perf_counter(), process_time(), _backend_cpu_s()
    events = parallel_verification.verify_chains().events
    return {
        "rate": events / (perf_counter() - started),
        "python_us": (process_time() - own_s) / events * 1e6,
        "postgres_us": (_backend_cpu_s() - backend_s) / events * 1e6,
    }


def load_long_stream(*, events: int) -> dict[str, float]:
    """Milliseconds to load a stream of ten events, and a long one without and with its snapshot."""
    kind, short, long = tickets.aggregate_class("Ticket"), UUID(int=1), UUID(int=2)
    write_stream(short, 10)
    write_stream(long, events)

    def load(stream: UUID) -> Callable[[], object]:
        return lambda: load_aggregate(kind, stream, backend().load_history(stream, uuid4())[1], tickets)

    without = _median_ms(load(long), 5)
    if not repository.take_snapshot(long, tickets):
        raise SystemExit("no snapshot was taken")
    load(long)()
    return {"short_ms": _median_ms(load(short), 200), "without_ms": without, "with_ms": _median_ms(load(long), 200)}


def read_earlier_events() -> dict[str, float]:
    """Microseconds to read an event of the current version, and one that is upcast."""
    current, earlier = (FieldContext(ORDER, 3, "OrderShipped", version) for version in (2, 1))
    return {
        "current_us": _median_ms(
            lambda: [read_event(registry, _CURRENT, current) for _ in range(1_000)], 50, process_time
        ),
        "earlier_us": _median_ms(
            lambda: [read_event(registry, _EARLIER, earlier) for _ in range(1_000)], 50, process_time
        ),
    }


def replay_store(*, rounds: int) -> dict[str, float]:
    """Microseconds of processor time per event when all events of the store are read and folded into a sum.

    First as `write_orders` wrote them; then with every OrderShipped, a third of all events, in schema version 1.
    """
    current = [_replay_once() for _ in range(rounds)]
    _downgrade_shipments()
    earlier = [_replay_once() for _ in range(rounds)]
    python, postgres = min(current)
    return {"python_us": python, "postgres_us": postgres, "earlier_us": min(earlier)[0]}


def _replay_once() -> tuple[float, float]:
    tail, after, events, units = TailReader(), 0, 0, 0
    own_s, backend_s = process_time(), _backend_cpu_s()
    while rows := tail.read(after, 1_000):
        for row in rows:
            event = to_recorded_event(row, registry).event
            if isinstance(event, OrderCreated):
                units += sum(line.quantity for line in event.lines)
        events, after = events + len(rows), rows[-1].position
    if not units:
        raise SystemExit("the store has no orders")
    return (process_time() - own_s) / events * 1e6, (_backend_cpu_s() - backend_s) / events * 1e6


def _downgrade_shipments() -> None:
    """Rewrite every OrderShipped to schema version 1, with the append-only triggers disabled."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE event SET schema_version = 1, payload = replace(payload, ',\"service\":\"\"', '') "
            "WHERE event_type = 'OrderShipped'"
        )


def take_snapshots(*, rounds: int) -> dict[str, float]:
    """Milliseconds of processor time for a thousand commands on ten long streams, without and with snapshots.

    The same process takes the due snapshots in between, which costs more than a separate one; the time of its
    PostgreSQL backend is included.
    """
    streams = [UUID(int=number) for number in range(1, 11)]
    for stream in streams:
        command_dispatcher.send(OpenTicket(stream, "s", Money(Decimal(1), "GBP")), registry=tickets)
    without, taking = list[float](), list[float]()
    for _ in range(rounds + 1):
        without.append(_time_thousand_commands(streams))
        policy.take_due_snapshots(tickets)
        taking.append(_time_thousand_commands(streams, then=lambda: policy.take_due_snapshots(tickets)))
    plain, more = sum(without[1:]), sum(taking[1:])  # The backend's time is counted in steps of 10 ms.
    return {"without_ms": plain / rounds, "taking_ms": more / rounds, "more": more / plain - 1}


def _time_thousand_commands(streams: Sequence[UUID], then: Callable[[], int] | None = None) -> float:
    own_s, backend_s = process_time(), _backend_cpu_s()
    for _ in range(100):
        for stream in streams:
            command_dispatcher.send(AnswerTicket(stream, "as it was"), registry=tickets)
    if then is not None and not then():
        raise SystemExit("no snapshot was due")
    return (process_time() - own_s + _backend_cpu_s() - backend_s) * 1e3


def _median_ms(once: Callable[[], object], times: int, clock: Callable[[], float] = perf_counter) -> float:
    taken_ms = []
    for _ in range(times):
        started = clock()
        once()
        taken_ms.append((clock() - started) * 1e3)
    return median(taken_ms)


def _backend_cpu_s() -> float:
    """Processor time of this connection's PostgreSQL process; 0 where there is none on this machine."""
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
