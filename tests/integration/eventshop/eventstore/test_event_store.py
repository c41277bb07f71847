"""Appending and reading streams, and what the database itself refuses."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import (
    BrokenStream,
    CommandIdReused,
    InvalidMessage,
    ProgramTooOld,
    VersionGap,
    WrongAggregateType,
    WrongExpectedVersion,
)
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Envelope, Event, RecordedEvent, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import AppendRequest, StreamHead, utc_now
from eventshop.eventstore.event_store import EventStore
from eventshop.eventstore.hash_chain.chain import find_first_broken, hash_event
from eventshop.eventstore.records import EventRow
from tests.support.raised import with_data
from tests.support.tally_aggregate import NOON, Closed, Count, Counted, Noted, Open, Opened, pounds, tallies

pytestmark = pytest.mark.usefixtures("clean_database")

store = EventStore(tallies)


class Ping(Command, frozen=True):
    id: UUID


class Pinged(Event, frozen=True):
    id: UUID


class Stranger(Aggregate[Ping, Pinged], frozen=True):
    """Another type of aggregate."""


@pytest.fixture
def tally() -> UUID:
    """A stream of five events: opened, counted 1, 2, 3, closed."""
    tally_id = new_id()
    counts = [Counted(tally_id=tally_id, amount=pounds(str(amount))) for amount in (1, 2, 3)]
    history: list[Event] = [
        Opened(tally_id=tally_id, name="till"),
        *counts,
        Closed(tally_id=tally_id, at=NOON),
    ]
    store.append_events(tally_id, history, expected_version=0)
    return tally_id


def versions_of(events: list[RecordedEvent[Any]]) -> list[int]:
    return [item.meta.version for item in events]


def test_a_stream_is_read_whole_after_between_and_up_to(tally: UUID) -> None:
    assert versions_of(store.get_events(tally)) == [1, 2, 3, 4, 5]
    assert versions_of(store.get_events_after(tally, 3)) == [4, 5]
    assert versions_of(store.get_events_between(tally, 2, 4)) == [2, 3, 4]
    assert versions_of(store.get_events(tally, to_version=2)) == [1, 2]
    assert versions_of(store.get_events_after(tally, 5)) == []
    assert store.get_events(new_id()) == []


def test_a_stream_is_read_as_it_was_known_at_a_time(tally: UUID) -> None:
    [*_, last] = store.get_events(tally)
    store.append_event(tally, Noted(text="late"), expected_version=5)
    assert versions_of(store.get_events(tally, as_of=last.meta.recorded_at)) == [1, 2, 3, 4, 5]
    assert versions_of(store.get_events(tally, as_of=last.meta.recorded_at - timedelta(days=1))) == []
    assert versions_of(store.get_events(tally, as_of=timezone.now())) == [1, 2, 3, 4, 5, 6]
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(InvalidMessage, check=with_data(as_of=naive)):
        store.get_events(tally, as_of=naive)


def test_events_come_back_as_they_went_in(tally: UUID) -> None:
    opened, counted, *_, closed = (item.event for item in store.get_events(tally))
    assert opened == Opened(tally_id=tally, name="till")
    assert counted == Counted(tally_id=tally, amount=pounds("1"))
    assert closed == Closed(tally_id=tally, at=NOON)


def test_an_append_expects_the_version_it_follows(tally: UUID) -> None:
    event = Noted(text="x")
    with pytest.raises(WrongExpectedVersion, check=with_data(expected_version=4, version=5)):
        store.append_event(tally, event, expected_version=4)
    with pytest.raises(VersionGap, check=with_data(expected_version=9, version=5)):
        store.append_event(tally, event, expected_version=9)
    with pytest.raises(WrongExpectedVersion):
        store.append_event(tally, event, expected_version=0)
    with pytest.raises(InvalidMessage):
        store.append_events(tally, [], expected_version=5)
    assert len(store.get_events(tally)) == 5


def test_the_same_append_again_is_answered_not_repeated(tally: UUID) -> None:
    envelope = Envelope(new_id())
    first = store.append_event(tally, Noted(text="x"), expected_version=5, envelope=envelope)
    again = store.append_event(tally, Noted(text="x"), expected_version=5, envelope=envelope)
    assert (again.version, again.position, again.replayed) == (first.version, first.position, True)
    with pytest.raises(CommandIdReused):
        store.append_event(tally, Noted(text="y"), expected_version=6, envelope=envelope)


def test_a_stream_belongs_to_one_type_of_aggregate(tally: UUID) -> None:
    registry = MessageRegistry()
    registry.add(Stranger)
    with pytest.raises(WrongAggregateType, match="Tally"):
        EventStore(registry).append_event(tally, Pinged(id=tally), expected_version=5)


def test_stored_bytes_that_no_longer_fit_are_named(tally: UUID) -> None:
    registry = MessageRegistry()
    with pytest.raises(ProgramTooOld, match="Opened"):
        EventStore(registry).get_events(tally)
    [row, *_] = raw_rows(tally, ["Opened", '{"tally_id":"no id","name":"x"}'])
    backend().append_events([row])
    with pytest.raises(BrokenStream, match="Opened"):
        store.get_events(row.aggregate_id)


def raw_rows(tally_id: UUID, *shapes: list[str]) -> list[EventRow]:
    """Rows as no code of ours would write them."""
    append = AppendRequest(new_id(), "Tally", StreamHead(), Envelope(new_id()), "append", b"", utc_now())
    rows = append.encode_rows([Opened(tally_id=tally_id, name="x")], tallies)
    return [rows[0]._replace(event_type=name, payload=payload) for name, payload in shapes]


# --- the chain --------------------------------------------------------------------------------------------------------


def test_every_event_is_chained_to_the_one_before(tally: UUID) -> None:
    rows = list(store.read_rows(tally))
    assert find_first_broken(rows) is None
    assert hash_event(rows[0].hash, rows[1]) == rows[1].hash != hash_event(bytes(32), rows[1])


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "{}"},
        {"actor": "mallory"},
        {"occurred_at": NOON},
        {"event_type": "Noted"},
        {"command_id": UUID(int=1)},
        {"metadata": '{"a":"b"}'},
        {"sequence_number": 9},
    ],
)
def test_a_changed_column_breaks_the_chain_at_its_event(tally: UUID, change: dict[str, object]) -> None:
    rows = list(store.read_rows(tally))
    rows[2] = rows[2]._replace(**change)  # type: ignore[arg-type]
    broken = find_first_broken(rows)
    assert broken is not None and broken.version == 3


def test_a_missing_or_swapped_event_breaks_the_chain(tally: UUID) -> None:
    rows = list(store.read_rows(tally))
    assert find_first_broken(rows[:2] + rows[3:]) == rows[3]
    assert find_first_broken([rows[0], rows[2], rows[1], *rows[3:]]) == rows[2]


def test_batches_and_single_commands_continue_the_same_chain() -> None:
    tally_id = new_id()
    command_dispatcher.send(Open(tally_id=tally_id, name="x"), registry=tallies)
    command_dispatcher.send_many(
        [(Count(tally_id=tally_id, amount=pounds("1"), times=2), Envelope(new_id())) for _ in range(3)],
        registry=tallies,
    )
    command_dispatcher.send(Count(tally_id=tally_id, amount=pounds("1")), registry=tallies)
    rows = list(store.read_rows(tally_id))
    assert len(rows) == 8
    assert find_first_broken(rows) is None


# --- what the database refuses, whoever asks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'mallory'",
        "UPDATE event SET position = position + 1000",
        "DELETE FROM event",
        "DELETE FROM receipt",
        "UPDATE receipt SET version = 7",
    ],
)
def test_the_database_refuses_to_change_history(tally: UUID, statement: str) -> None:
    before = list(store.read_rows(tally))
    with (
        pytest.raises(IntegrityError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert list(store.read_rows(tally)) == before


@pytest.mark.postgres
def test_postgresql_refuses_to_truncate_history(tally: UUID) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE event")
    assert len(store.get_events(tally)) == 5


def copy_event_sql(tally_id: UUID, verb: str, **changes: str) -> str:
    """An INSERT of a copy of the stream's last event, some columns changed."""
    names = [name for name in EventRow._fields if name != "position"]
    values = [changes.get(name, name) for name in names]
    key = f"'{tally_id.hex}'"
    return (
        f"{verb} INTO event ({', '.join(names)}) SELECT {', '.join(values)} FROM event "
        f"WHERE aggregate_id = {key} AND version = 5"
    )


@pytest.mark.parametrize("version", ["7", "0", "-1", "1000"])
def test_the_database_refuses_a_gap(tally: UUID, version: str) -> None:
    statement = copy_event_sql(tally, "INSERT", version=version, event_id=f"'{new_id().hex}'")
    with (
        pytest.raises(IntegrityError, match="event_no_gap"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_database_refuses_a_second_event_of_a_version(tally: UUID) -> None:
    statement = copy_event_sql(tally, "INSERT", event_id=f"'{new_id().hex}'")
    with (
        pytest.raises(IntegrityError, match="event_version_once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_database_refuses_a_second_event_of_an_id(tally: UUID) -> None:
    with (
        pytest.raises(IntegrityError, match="event_id_once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(copy_event_sql(tally, "INSERT", version="6"))


def test_the_database_refuses_a_stream_that_changes_its_type(tally: UUID) -> None:
    statement = copy_event_sql(tally, "INSERT", version="6", event_id=f"'{new_id().hex}'", aggregate_type="'Other'")
    with (
        pytest.raises(IntegrityError, match="event_no_gap"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="INSERT OR REPLACE is SQLite's")
def test_sqlite_cannot_replace_history(tally: UUID) -> None:
    before = list(store.read_rows(tally))
    for changes in ({"actor": "'mallory'"}, {"actor": "'mallory'", "version": "6"}):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(copy_event_sql(tally, "INSERT OR REPLACE", **changes))
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "REPLACE INTO receipt SELECT command_id, 'x', payload_hash, aggregate_id, aggregate_type, "
            "version, events, position, actor, recorded_at FROM receipt"
        )
    assert list(store.read_rows(tally)) == before


# --- long streams -----------------------------------------------------------------------------------------------------


def test_a_long_stream_is_read_lazily() -> None:
    """20,000 events of 1 kB pass through less memory than a tenth of them would take."""
    tally_id = new_id()
    for version in range(0, 20_000, 2_000):
        head = StreamHead(version, hash_of(tally_id, version))
        append = AppendRequest(tally_id, "Tally", head, Envelope(new_id()), "append", b"", utc_now())
        backend().append_events(append.encode_rows([Noted(text="x" * 1_000)] * 2_000, tallies))
    gc.collect()
    tracemalloc.start()
    count = sum(1 for _ in store.get_event_stream(tally_id))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 12_000_000
    assert find_first_broken(store.read_rows(tally_id)) is None


def hash_of(tally_id: UUID, version: int) -> bytes:
    return next(iter(store.read_rows(tally_id, after=version - 1)), None).hash if version else bytes(32)  # type: ignore[union-attr]
