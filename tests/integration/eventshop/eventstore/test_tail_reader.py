"""The tail reader under stress: every committed event once and in order, none of a rolled back one."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import sleep

import psycopg
import pytest
from django.db import connection, connections, transaction

from eventshop.core.errors import TailBusy
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher, open_appends
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader, newest_position
from eventshop.operations.append_health import check_event_table
from eventshop.projections import outbox_reader
from tests.support.tally_aggregate import Count, Open, pounds, tallies
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

INSERT_OUTGOING = (
    "INSERT INTO projections_outgoing (topic, key, value, headers, created_at) VALUES ('t', 'k', '', '[]', now())"
)
WRITERS = 8
#: Of each writer.
ROUNDS = 60


class RolledBack(Exception):
    pass


def write(seed: int) -> None:
    """Commands alone, in batches, in transactions that dawdle before the commit, and in some that never commit."""
    chance = random.Random(seed)
    streams = [new_id() for _ in range(3)]
    for stream in streams:
        command_dispatcher.send(Open(tally_id=stream, name="x"), registry=tallies)
    for _ in range(ROUNDS):
        count = Count(tally_id=chance.choice(streams), amount=pounds("1"), times=chance.randint(1, 3))
        try:
            kind = chance.random()
            if kind < 0.4:
                command_dispatcher.send(count, registry=tallies)
            elif kind < 0.6:
                command_dispatcher.send_many([(count, Envelope(new_id())) for _ in range(5)], registry=tallies)
            else:
                with transaction.atomic():
                    command_dispatcher.send(count, registry=tallies)
                    sleep(chance.random() * 0.01)
                    if kind > 0.85:
                        raise RolledBack
        except RolledBack:
            continue
    connections.close_all()


def follow(stop: threading.Event) -> list[EventRow]:
    """Everything a reader sees while others write, and after."""
    tail, rows_read, position = TailReader(), list[EventRow](), 0
    while True:
        finished = stop.is_set()
        try:
            rows = tail.read(position, 100)
        except TailBusy:
            continue
        rows_read += rows
        if rows:
            position = rows[-1].position
        elif finished:
            connections.close_all()
            return rows_read
        else:
            sleep(0.002)


def test_every_committed_event_is_seen_once_and_in_order() -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(WRITERS + 2) as pool:
        readers = [pool.submit(follow, stop) for _ in range(2)]
        for writer in [pool.submit(write, seed) for seed in range(WRITERS)]:
            writer.result()
        stop.set()
        committed = list(StoredEvent.objects.order_by("position").values_list("position", "event_id"))
        assert len(committed) > 200
        for reader in readers:
            seen = reader.result()
            assert [(row.position, row.event_id) for row in seen] == committed
            latest: dict[object, int] = {}
            for row in seen:
                assert row.version == latest.get(row.aggregate_id, 0) + 1
                latest[row.aggregate_id] = row.version


@contextmanager
def another_connection() -> Iterator[psycopg.Connection]:
    settings = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{name: settings[name] for name in names if settings.get(name)}) as other:
        yield other


def insert_raw(other: psycopg.Connection) -> None:
    """An append by somebody who knows nothing of the fence: the trigger makes them take part."""
    other.execute(
        "INSERT INTO event (event_id, aggregate_id, aggregate_type, event_type, version, schema_version, occurred_at, "
        "recorded_at, correlation_id, sequence_number, command_id, actor, metadata, payload, hash) VALUES "
        "(gen_random_uuid(), gen_random_uuid(), 'Tally', 'Opened', 1, 1, now(), now(), gen_random_uuid(), 1, "
        "gen_random_uuid(), 'psql', '{}', '{}', '')"
    )


@pytest.mark.postgres
def test_the_reader_does_not_pass_an_append_in_flight() -> None:
    tail = TailReader()
    with another_connection() as slow, another_connection() as quick:
        insert_raw(slow)
        insert_raw(quick)
        quick.commit()
        assert newest_position() == 2
        with pytest.raises(TailBusy):
            tail.read(0, 10)
        slow.commit()
    assert [row.position for row in tail.read(0, 10)] == [1, 2]


@pytest.mark.postgres
def test_the_reader_passes_the_hole_of_a_rolled_back_append() -> None:
    with another_connection() as slow, another_connection() as quick:
        insert_raw(slow)
        insert_raw(quick)
        quick.commit()
        slow.rollback()
    assert [row.position for row in TailReader().read(0, 10)] == [2]


@pytest.mark.postgres
def test_a_transaction_that_appended_and_stays_open_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """In the log of the reader and by the health check: who it is, for how long, and how to end it."""
    tail = TailReader(open_appends.StallReporter())
    assert check_event_table().ok
    with another_connection() as holder:
        holder.execute("SET application_name = 'report writer'")
        insert_raw(holder)
        with another_connection() as quick:
            insert_raw(quick)

        def reported() -> list[str]:
            with pytest.raises(TailBusy):
                tail.read(0, 10)
            return [record.getMessage() for record in caplog.records if record.name == open_appends.__name__]

        [message] = wait_until(reported)
        wait_until(lambda: not check_event_table().ok)
        for text in (message, check_event_table().detail):
            assert f"Process {holder.info.backend_pid} " in text
            assert "report writer" in text and "idle in transaction" in text and "local" in text
            [open_s, statement_s] = map(float, re.findall(r"([\d.]+) s", text)[-2:])
            assert open_s >= open_appends.TOO_LONG_S and open_s >= statement_s
        reported()
        assert reported() == [message]  # once per interval, whatever the number of tries
        holder.commit()
    assert [row.position for row in tail.read(0, 10)] == [1, 2]
    assert check_event_table().ok


@pytest.mark.postgres
def test_a_transaction_that_holds_up_the_outbox_is_reported_too(caplog: pytest.LogCaptureFixture) -> None:
    with another_connection() as holder:
        holder.execute(INSERT_OUTGOING)
        with another_connection() as quick:
            quick.execute(INSERT_OUTGOING)

        def reported() -> list[str]:
            with pytest.raises(TailBusy):
                outbox_reader.read_horizon(0)
            return [record.getMessage() for record in caplog.records if record.name == open_appends.__name__]

        [message] = wait_until(reported)
        assert "projections_outgoing" in message and f"Process {holder.info.backend_pid} " in message
        wait_until(lambda: open_appends.describe_open_appends(outbox_reader.OUTBOX_FENCE))
        assert check_event_table().ok
    assert outbox_reader.read_horizon(0) == 2


@pytest.mark.postgres
def test_with_a_timeout_the_database_ends_a_transaction_that_stays_open_and_readers_go_on() -> None:
    tail = TailReader()
    with another_connection() as holder, another_connection() as quick:
        holder.execute("SET idle_in_transaction_session_timeout = '1s'")
        holder.commit()
        insert_raw(holder)
        insert_raw(quick)
        quick.commit()

        def rows() -> list[EventRow]:
            with suppress(TailBusy):
                return tail.read(0, 10)
            return []

        assert [row.position for row in wait_until(rows)] == [2]
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            holder.execute("SELECT 1")
        holder.close()


@pytest.mark.postgres
def test_an_idle_reader_takes_no_lock() -> None:
    command_dispatcher.send(Open(tally_id=new_id(), name="x"), registry=tallies)
    tail = TailReader()
    assert len(tail.read(0, 10)) == 1
    with another_connection() as other:
        other.execute("SELECT pg_advisory_lock_shared(%s)", [0x45565348])
        assert tail.read(1, 10) == []


def test_a_page_ends_where_it_was_asked_to() -> None:
    for _ in range(5):
        command_dispatcher.send(Open(tally_id=new_id(), name="x"), registry=tallies)
    tail = TailReader()
    assert [row.position for row in tail.read(0, 2)] == [1, 2]
    assert [row.position for row in tail.read(2, 10)] == [3, 4, 5]
    assert [row.position for row in tail.read(0, 10, up_to=3)] == [1, 2, 3]
    assert tail.read(5, 10) == []
    assert newest_position() == 5


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("function", "table"), [("tail_horizon", "event"), ("outgoing_horizon", "projections_outgoing")]
)
def test_an_idle_fence_reads_no_table_from_end_to_end(function: str, table: str) -> None:
    """It is asked hundreds of times a second: a scan of the table would cost more with every event."""
    for _ in range(50):
        command_dispatcher.send(Open(tally_id=new_id(), name="x"), registry=tallies)
    scans = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = %s"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # which is right for so small a table
        cursor.execute(scans, [table])
        before = cursor.fetchone()
        for _ in range(20):  # more than the plans made for given values; then the general one is taken
            cursor.execute(f"SELECT {function}(%s)", [newest_position()])
            assert cursor.fetchone() == (newest_position(),)
        cursor.execute(scans, [table])
        assert cursor.fetchone() == before
