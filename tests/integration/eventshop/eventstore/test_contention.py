"""Many writers of one stream: without an expected version no command is refused because of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from eventshop.core.errors import Conflict, WrongExpectedVersion
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.contention import LOCKED_ATTEMPTS, OPTIMISTIC_ATTEMPTS, Attempt, repeat_on_conflict
from eventshop.eventstore.event_append import ConcurrencyConflict
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain.chain import find_first_broken
from eventshop.eventstore.stream_locks import lock_streams
from eventshop.sagas import stream_locks as saga_locks
from orders.domain.commands import ReceiveStock
from orders.domain.events import StockReceived
from orders.domain.stock_item import stock_item_id
from tests.support.contending_writer import receive_stock
from tests.support.processes import python_process
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

SKU, OTHER = "LANTERN", "MUG"
STREAM, OTHER_STREAM = stock_item_id(SKU), stock_item_id(OTHER)


def run_concurrently(*works: Callable[[], Any]) -> list[Any]:
    """Run functions at the same time, each in its own thread and connection."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        start.wait(DEADLINE_S)
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def assert_stream(stream: Any, *, events: int) -> None:
    rows = list(store.read_rows(stream))
    assert [row.version for row in rows] == list(range(1, events + 1))
    assert find_first_broken(rows) is None


def test_eight_threads_that_receive_one_product_are_all_accepted() -> None:
    assert receive_stock(SKU, threads=8, commands=25) == []
    assert_stream(STREAM, events=200)


def test_four_processes_that_receive_one_product_are_all_accepted(database_url: str, tmp_path: Path) -> None:
    logs = [tmp_path / f"writer-{number}.log" for number in range(4)]
    arguments = ("-m", "tests.support.contending_writer", SKU, "2", "25")
    with ExitStack() as stack:
        writers = [
            stack.enter_context(python_process(*arguments, env={"DATABASE_URL": database_url}, log=log)) for log in logs
        ]
        assert [wait_for_exit(writer, log=log) for writer, log in zip(writers, logs, strict=True)] == [0] * 4
    assert [log.read_text() for log in logs] == [""] * 4
    assert_stream(STREAM, events=200)


def test_single_commands_batches_and_batches_of_sagas_are_all_accepted() -> None:
    """The batches name the two products in opposite orders, so that their transactions can wait for each other."""

    def receive_singly() -> list[Receipt]:
        return [send(ReceiveStock(sku, 1, "delivery")) for _ in range(10) for sku in (SKU, OTHER)]

    def receive_in_batches(*skus: str) -> list[Any]:
        outcomes: list[Any] = []
        for _ in range(10):
            outcomes += send_many([(ReceiveStock(sku, 1, "delivery"), Envelope(new_id())) for sku in skus])
        return outcomes

    def receive_as_saga_workers_do() -> list[Any]:
        outcomes: list[Any] = []
        for _ in range(10):
            with transaction.atomic():
                saga_locks.lock_streams([STREAM.bytes, OTHER_STREAM.bytes])
                outcomes += send_many([(ReceiveStock(sku, 1, "delivery"), Envelope(new_id())) for sku in (SKU, OTHER)])
        return outcomes

    results = run_concurrently(
        receive_singly,
        receive_singly,
        lambda: receive_in_batches(SKU, OTHER),
        lambda: receive_in_batches(OTHER, SKU),
        receive_as_saga_workers_do,
        receive_as_saga_workers_do,
    )
    outcomes = [outcome for of_writer in results for outcome in of_writer]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Receipt)] == []
    assert len(outcomes) == 120
    for stream in (STREAM, OTHER_STREAM):
        assert_stream(stream, events=60)


def test_an_append_with_an_expected_version_is_still_refused_when_the_stream_has_moved_on() -> None:
    send(ReceiveStock(SKU, 1, "delivery"))
    send(ReceiveStock(SKU, 1, "delivery"))
    with pytest.raises(WrongExpectedVersion):
        send(ReceiveStock(SKU, 1, "delivery"), expected_version=1)
    with pytest.raises(WrongExpectedVersion):
        store.append_event(STREAM, StockReceived(SKU, 1, "delivery"), expected_version=1)


def test_an_append_sent_twice_at_once_is_appended_once_and_answered_twice() -> None:
    for _ in range(10):
        stream, envelope = uuid4(), Envelope(new_id())

        def append(stream: Any = stream, envelope: Envelope = envelope) -> Receipt:
            return store.append_event(stream, StockReceived(SKU, 1, "note"), expected_version=0, envelope=envelope)

        receipts = run_concurrently(*[append] * 4)
        assert sorted(receipt.replayed for receipt in receipts) == [False, True, True, True]


def test_a_conflict_without_end_is_an_error_in_the_end() -> None:
    attempts: list[Attempt] = []

    def lose(attempt: Attempt) -> None:
        attempts.append(attempt)
        raise ConcurrencyConflict()

    with pytest.raises(Conflict):
        repeat_on_conflict(lose)
    assert [attempt.number for attempt in attempts] == list(range(OPTIMISTIC_ATTEMPTS + LOCKED_ATTEMPTS))
    assert [attempt.locked for attempt in attempts] == [False] * OPTIMISTIC_ATTEMPTS + [True] * LOCKED_ATTEMPTS
    attempts.clear()
    with pytest.raises(Conflict), transaction.atomic():
        repeat_on_conflict(lose)
    assert [attempt.locked for attempt in attempts] == [False] + [True] * LOCKED_ATTEMPTS


# --- the lock on PostgreSQL --------------------------------------------------------------------------------------


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return int(cursor.fetchone()[0])


@pytest.mark.postgres
@pytest.mark.parametrize("batch", [False, True])
def test_nobody_overtakes_the_writer_that_holds_the_lock_of_the_stream(batch: bool) -> None:
    """Single commands from the cache too: they wait, lose against the head that they were decided on, and load."""
    send(ReceiveStock(SKU, 1, "delivery"))
    send(ReceiveStock(SKU, 1, "delivery"))  # decided on the cached aggregate from now on
    others: list[Any] = []

    def send_other() -> None:
        command = ReceiveStock(SKU, 1, "other")
        others.append(
            send_many([(item, Envelope(new_id())) for item in (command, ReceiveStock(OTHER, 1, "other"))])[0]
            if batch
            else send(command)
        )
        connections.close_all()

    other = threading.Thread(target=send_other)
    with transaction.atomic():
        lock_streams([STREAM], exclusive=True)
        other.start()
        wait_until(lambda: waiting_for_a_lock() == 1)
        assert send(ReceiveStock(SKU, 1, "holder")).version == 3
        assert others == []
    other.join(DEADLINE_S)
    assert [outcome.version for outcome in others] == [4]


@pytest.mark.postgres
def test_batches_that_wait_for_each_other_are_decided_again() -> None:
    """A deadlock ends one of the two transactions; a batch of its own is then repeated."""
    send_many([(ReceiveStock(sku, 1, "delivery"), Envelope(new_id())) for sku in (SKU, OTHER)])
    attempts: list[Attempt] = []
    first_done, barrier = threading.local(), threading.Barrier(2)

    def append(streams: tuple[Any, Any]) -> Any:
        def attempt(attempt: Attempt) -> int:
            attempts.append(attempt)
            with transaction.atomic():
                lock_streams([streams[0]], exclusive=True)
                if not getattr(first_done, "value", False):
                    first_done.value = True
                    barrier.wait(DEADLINE_S)
                lock_streams([streams[1]], exclusive=True)
                return 1

        return lambda: repeat_on_conflict(attempt)

    assert run_concurrently(append((STREAM, OTHER_STREAM)), append((OTHER_STREAM, STREAM))) == [1, 1]
    assert len(attempts) == 3


@pytest.mark.postgres
def test_the_database_computes_the_number_of_a_streams_lock_as_the_program_does() -> None:
    for stream in (STREAM, OTHER_STREAM, uuid4(), new_id()):
        store.append_event(stream, StockReceived(SKU, 1, "note"), expected_version=0)
        with transaction.atomic():
            _, [head] = backend().load_history(stream, uuid4())
            with connection.cursor() as cursor:
                cursor.execute("SELECT event_follows(%s, 2, %s)", [stream, head.hash])
                numbers = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                cursor.execute(numbers)
                before = cursor.fetchone()
                lock_streams([stream], exclusive=False)  # held already
                cursor.execute(numbers)
                assert cursor.fetchone() == before == (1,)
