"""A change of the event table that bypasses the application is found and reported."""

from __future__ import annotations

from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain import parallel_verification
from eventshop.eventstore.hash_chain.parallel_verification import verify_chains
from eventshop.eventstore.models import StoredEvent
from tests.support.command_output import numbers_in
from tests.support.event_table_tampering import triggers_disabled
from tests.support.tally_aggregate import Count, Open, pounds, tallies

pytestmark = pytest.mark.usefixtures("clean_database")


def create_tally(times: int = 4) -> UUID:
    tally_id = new_id()
    envelope = Envelope(command_id=new_id(), metadata={"note": "ä\n"}, causation_id=new_id(), saga_id=new_id())
    command_dispatcher.send(Open(tally_id=tally_id, name="Zürich ✓"), registry=tallies, envelope=envelope)
    command_dispatcher.send(Count(tally_id=tally_id, amount=pounds("1.50"), times=times), registry=tallies)
    return tally_id


def load_event(tally_id: UUID, version: int) -> StoredEvent:
    return StoredEvent.objects.get(aggregate_id=tally_id, version=version)


def run_verify_chain(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_chain", *arguments, stdout=out)
    return out.getvalue()


def test_what_nobody_touched_is_as_it_was_written() -> None:
    for _ in range(3):
        create_tally()
    assert verify_chains() == (15, 3, [])
    assert numbers_in(run_verify_chain().splitlines()[-2])[:3] == [15, 3, 0]  # events, streams, signed ones


def test_an_empty_store_is_whole() -> None:
    assert verify_chains() == (0, 0, [])


def test_fewer_processes_than_one_are_refused() -> None:
    with pytest.raises(CommandError, match=r"--processes .*-1"):
        run_verify_chain("--processes", "-1")


def test_every_stream_is_walked_when_several_processes_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [create_tally() for _ in range(12)]
    monkeypatch.setattr(parallel_verification, "STREAMS_PER_TASK", 5)
    assert verify_chains(processes=2) == (60, 12, [])
    with triggers_disabled() as cursor:
        cursor.execute("UPDATE event SET actor = 'nobody' WHERE position = %s", [load_event(streams[7], 2).position])
    [fault] = verify_chains(processes=2).faults
    assert (fault.aggregate_id, fault.version) == (streams[7], 2)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", "replace(payload, '1.50', '1.51')"),
        ("actor", "'system '"),
        ("metadata", '\'{"x":"y"}\''),
        ("schema_version", "2"),
        ("sequence_number", "sequence_number + 1"),
        ("event_type", "'Countet'"),
        ("causation_id", "command_id"),
    ],
)
def test_one_changed_value_is_found_and_named(column: str, value: str) -> None:
    create_tally()
    touched = load_event(create_tally(), 3)
    with triggers_disabled() as cursor:
        cursor.execute(f"UPDATE event SET {column} = {value} WHERE position = %s", [touched.position])
    with pytest.raises(CommandError) as refused:
        run_verify_chain()
    assert str(touched.event_id) in str(refused.value)
    assert numbers_in(refused.value) == [1, 3, touched.position]  # faults, version and position


def test_one_flipped_bit_of_a_hash_is_found() -> None:
    touched = load_event(create_tally(), 2)
    flipped = bytes([touched.hash[0] ^ 1]) + bytes(touched.hash[1:])
    with triggers_disabled() as cursor:
        cursor.execute("UPDATE event SET hash = %s WHERE position = %s", [flipped, touched.position])
    [fault] = verify_chains().faults
    assert (fault.position, fault.version) == (touched.position, 2)


def test_a_deleted_event_is_named_by_its_version() -> None:
    whole, cut, headless = create_tally(), create_tally(), create_tally()
    with triggers_disabled() as cursor:
        for stream, version in ((cut, 3), (headless, 1)):
            cursor.execute("DELETE FROM event WHERE position = %s", [load_event(stream, version).position])
    walked = verify_chains()
    assert walked.streams == 3
    assert [fault.description for fault in walked.faults] == [
        f"version 3 of Tally {cut} is missing",
        f"version 1 of Tally {headless} is missing",
    ]
    assert whole not in {fault.aggregate_id for fault in walked.faults}


def test_two_events_that_changed_places_are_found() -> None:
    stream = create_tally()
    second, third = load_event(stream, 2), load_event(stream, 3)
    with triggers_disabled() as cursor:
        for row, version in ((second, 99), (third, 2), (second, 3)):
            cursor.execute("UPDATE event SET version = %s WHERE position = %s", [version, row.position])
    [fault] = verify_chains().faults
    assert (fault.version, fault.position) == (2, third.position)
    assert str(third.event_id) in fault.description


def test_the_fault_that_shows_first_in_the_store_is_named_first() -> None:
    one, other = create_tally(), create_tally()
    with triggers_disabled() as cursor:
        for touched in (load_event(other, 2), load_event(one, 5)):
            cursor.execute("UPDATE event SET actor = 'me' WHERE position = %s", [touched.position])
    assert [fault.aggregate_id for fault in verify_chains().faults] == [one, other]


def test_the_walk_and_the_store_agree_on_the_text_that_is_hashed() -> None:
    stream = create_tally()
    assert [row.hash for row in store.read_rows(stream)] == [
        bytes(row.hash) for row in StoredEvent.objects.filter(aggregate_id=stream).order_by("version")
    ]
    assert verify_chains().faults == []
