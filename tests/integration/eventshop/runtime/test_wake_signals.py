"""Signals between processes: an append in one wakes the threads of another, long before they would look."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock, Semaphore

import pytest
from django.db import connection, transaction

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.event_store import EventStore
from eventshop.runtime.postgres_signals import PostgresSignals
from eventshop.runtime.sqlite_signals import LONGEST_LOOK_INTERVAL_S, SqliteSignals
from eventshop.runtime.wake_signals import (
    POLL_INTERVAL_S,
    Channel,
    Waiter,
    poll_interval_s,
    start_listening,
    stop_listening,
    wake,
)
from tests.support.processes import ROOT, python_process
from tests.support.tally_aggregate import Open, Opened, tallies
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

OF_THIS_DATABASE = "FROM pg_stat_activity WHERE application_name = 'eventshop-wake' AND datname = current_database()"

#: Waits for events without ever looking for any, and writes a line each time it is woken.
LISTENER = """
import django
django.setup()
from eventshop.runtime import wake_signals
waiter = wake_signals.Waiter(wake_signals.Channel(CHANNEL))
wake_signals.start_listening()
while wake_signals.poll_interval_s() < 1 or waiter.wait(0):
    pass
print("listening", flush=True)
while waiter.wait(600):
    print("woken", flush=True)
"""
#: A process that is forked from one that has a connection for signals.
FORKED_SENDER = """
import os
import django
django.setup()
from eventshop.runtime import wake_signals
wake_signals.start_listening()
while wake_signals.poll_interval_s() < 1:
    pass
child = os.fork()
if child == 0:
    wake_signals.wake(wake_signals.Channel.TIMERS)
    wake_signals.stop_listening()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
wake_signals.wake(wake_signals.Channel.INBOX)
"""


class Received:
    """Counts the channels that a link delivers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def __call__(self, channels: Iterable[str]) -> None:
        with self._lock:
            self.counts.update(list(channels))


@pytest.fixture(autouse=True)
def link_of_this_process(clean_database: None) -> Iterator[None]:
    yield
    stop_listening()


@contextmanager
def listening_process(channel: Channel, url: str, log: Path) -> Iterator[None]:
    script = LISTENER.replace("CHANNEL", repr(str(channel)))
    with python_process("-c", script, env={"DATABASE_URL": url}, log=log):
        wait_until(lambda: "listening" in log.read_text(), seen=log)
        yield


def open_tally() -> tuple[Open, Envelope]:
    return Open(tally_id=new_id(), name="one"), Envelope(command_id=new_id())


def append_with_expected_version() -> None:
    aggregate_id = new_id()
    event = Opened(tally_id=aggregate_id, name="one")
    EventStore(tallies).append_event(aggregate_id, event, expected_version=0)


@pytest.mark.parametrize(
    "append",
    [
        pytest.param(lambda: send(open_tally()[0], registry=tallies), id="a command"),
        pytest.param(lambda: send_many([open_tally(), open_tally()], registry=tallies), id="a batch"),
        pytest.param(append_with_expected_version, id="an event"),
    ],
)
def test_an_append_wakes_another_process(append: Callable[[], object], database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with listening_process(Channel.EVENTS, database_url, log):
        append()
        wait_until(lambda: "woken" in log.read_text(), seen=log)


def test_a_signal_waits_for_the_commit_and_a_rollback_sends_none() -> None:
    waiter = Waiter(Channel.INBOX)
    try:
        with suppress(ZeroDivisionError), transaction.atomic():
            wake(Channel.INBOX)
            raise ZeroDivisionError
        assert not waiter.wait(0)
        with transaction.atomic():
            wake(Channel.INBOX)
            assert not waiter.wait(0)
        assert waiter.wait(0)
    finally:
        waiter.close()


def test_threads_look_often_until_the_signals_of_other_processes_arrive() -> None:
    assert poll_interval_s() < 0.1
    start_listening()
    start_listening()
    wait_until(lambda: poll_interval_s() == POLL_INTERVAL_S)
    stop_listening()
    assert poll_interval_s() < 0.1


class TestPostgres:
    pytestmark = pytest.mark.postgres

    @pytest.fixture
    def received(self) -> Received:
        return Received()

    @pytest.fixture
    def listener(self, received: Received) -> Iterator[PostgresSignals]:
        with closing(PostgresSignals(received, all_channels=Channel)) as link:
            link.listen()
            wait_until(lambda: link.is_listening)
            yield link

    @pytest.fixture
    def sender(self) -> Iterator[PostgresSignals]:
        with closing(PostgresSignals(Received(), all_channels=Channel)) as link:
            yield link

    def test_many_signals_are_merged_and_the_last_one_arrives(
        self, listener: PostgresSignals, sender: PostgresSignals, received: Received
    ) -> None:
        before = received.counts.copy()
        for _ in range(2_000):
            sender.send([Channel.EVENTS])
        sender.send([Channel.TIMERS])
        wait_until(lambda: received.counts[Channel.TIMERS] > before[Channel.TIMERS])
        assert 1 <= received.counts[Channel.EVENTS] - before[Channel.EVENTS] < 2_000

    def test_after_a_broken_connection_everybody_is_woken_and_signals_arrive_again(
        self, listener: PostgresSignals, sender: PostgresSignals, received: Received
    ) -> None:
        sender.send([Channel.INBOX])
        wait_until(lambda: received.counts[Channel.INBOX] >= 2)
        before = received.counts[Channel.WEBHOOKS]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) {OF_THIS_DATABASE}")
            assert len(cursor.fetchall()) == 2
        wait_until(lambda: received.counts[Channel.WEBHOOKS] > before)
        wait_until(lambda: listener.is_listening)
        before = received.counts[Channel.OUTBOX]

        def signal_arrives() -> bool:  # one that is sent just when the connection breaks is part of "everything"
            sender.send([Channel.OUTBOX])
            return received.counts[Channel.OUTBOX] > before

        wait_until(signal_arrives)

    def test_a_process_does_not_wake_itself_twice(self, listener: PostgresSignals, received: Received) -> None:
        before = received.counts.copy()
        listener.send([Channel.REBUILDS])
        with closing(PostgresSignals(Received(), all_channels=Channel)) as other:
            other.send([Channel.TIMERS])
            wait_until(lambda: received.counts[Channel.TIMERS] > before[Channel.TIMERS])
        assert received.counts[Channel.REBUILDS] == before[Channel.REBUILDS]

    def test_a_closed_link_leaves_no_connection(self, listener: PostgresSignals) -> None:
        listener.close()
        with connection.cursor() as cursor:

            def connections() -> int:
                cursor.execute(f"SELECT count(*) {OF_THIS_DATABASE}")
                return int(cursor.fetchone()[0])

            wait_until(lambda: connections() == 0)

    def test_a_forked_process_has_a_connection_of_its_own(self, database_url: str, tmp_path: Path) -> None:
        sender, timers, inbox = tmp_path / "sender", tmp_path / "timers", tmp_path / "inbox"
        with (
            listening_process(Channel.TIMERS, database_url, timers),
            listening_process(Channel.INBOX, database_url, inbox),
            python_process(
                "-W", "error", "-c", FORKED_SENDER, env={"DATABASE_URL": database_url}, log=sender
            ) as process,
        ):
            assert wait_for_exit(process, log=sender) == 0, sender.read_text()
            assert sender.read_text() == ""
            wait_until(lambda: "woken" in timers.read_text() and "woken" in inbox.read_text(), seen=sender)


class TestSqlite:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(tmp_path / "file")) as file:
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("CREATE TABLE entry (number)")
            yield file

    def test_each_commit_wakes_everybody_and_reading_wakes_nobody(
        self, file: sqlite3.Connection, tmp_path: Path
    ) -> None:
        woken = Semaphore(0)
        with closing(SqliteSignals(str(tmp_path / "file"), woken.release)) as link:
            link.listen()
            assert woken.acquire(timeout=DEADLINE_S)  # for what was committed before
            file.execute("SELECT * FROM entry").fetchall()
            assert not woken.acquire(timeout=5 * LONGEST_LOOK_INTERVAL_S)
            with file:
                file.execute("INSERT INTO entry VALUES (1)")
            assert woken.acquire(timeout=DEADLINE_S)
            assert link.is_listening

    def test_a_file_that_cannot_be_read_is_tried_again(self, tmp_path: Path) -> None:
        woken = Semaphore(0)
        with closing(SqliteSignals(str(tmp_path / "later"), woken.release)) as link:
            link.listen()
            assert not woken.acquire(timeout=0.1)
            assert not link.is_listening
            with closing(sqlite3.connect(tmp_path / "later")) as file, file:
                file.execute("CREATE TABLE entry (number)")
            assert woken.acquire(timeout=DEADLINE_S)

    def test_a_database_in_memory_needs_no_link(self) -> None:
        script = """
import django
django.setup()
from eventshop.runtime import wake_signals
from django.db import connection
connection.settings_dict["NAME"] = "file:memorydb_default?mode=memory&cache=shared"
wake_signals.start_listening()
assert wake_signals.poll_interval_s() == wake_signals.POLL_INTERVAL_S
wake_signals.wake(wake_signals.Channel.INBOX)
"""
        subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            check=True,
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": "sqlite:///var/eventshop.sqlite3"},
        )
