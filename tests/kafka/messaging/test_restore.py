"""`restore_events_from_kafka` makes an empty database what the lost one was: events, receipts, positions; no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import DatabaseError, connection

from eventshop.core.errors import BrokenStream, CommandIdReused
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.eventstore.records import EventRow
from eventshop.messaging.reconciliation import restore
from eventshop.messaging.reconciliation.restore import IncompleteStream, RestoreRefused
from eventshop.projections.projection import projection_registry
from orders.domain.commands import CreateOrder, RequestPayment
from orders.domain.events import Line
from tests.support import chaos
from tests.support.command_output import numbers_in
from tests.support.database import empty_tables
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up, without_lineage
from tests.support.kafka.topic_contents import (
    Record,
    append_orders,
    make_record,
    publish,
    relay_all,
    run_command,
    send,
    table_records,
    tombstone,
)
from tests.support.processes import manage_process
from tests.support.read_models import Rows, stored_rows
from tests.support.tally_aggregate import pounds
from tests.support.waiting import wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

COMMAND = "restore_events_from_kafka"
KILLS = chaos.times(1, at_most=3)


def run_restore(**options: Any) -> tuple[int, str]:
    said = run_command(COMMAND, **options)
    return said.code, said.failure or said.out


def restored_counts(said: str) -> list[int]:
    """Events and receipts restored, events there before, missing, skipped, repeats, tombstones, foreign records."""
    [counts] = [counts for line in said.splitlines() if len(counts := numbers_in(line)) == 8]
    return counts


def stored_tables() -> tuple[list[EventRow], list[ReceiptRow]]:
    rows = backend().select_events("ORDER BY position", ())
    return rows, sorted(backend().load_receipts([row.command_id for row in rows]))


def all_rows() -> dict[str, Rows]:
    """The rows of every read model, without their free texts."""
    return {
        projection.name: {
            key: {name: value for name, value in row.items() if name not in projection.model.free_text}
            for key, row in without_lineage(stored_rows(projection)).items()
        }
        for projection in projection_registry.select([])
    }


def lose_the_database() -> None:
    """What is left is Kafka; a new database is migrated and told of the topics."""
    empty_tables()
    assert run_command("create_topics").code == 0


def test_a_lost_database_comes_back_as_it_was(kafka_topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "PAGE_SIZE", 100)
    append_orders(100)
    relay_all()
    catch_up()
    before, read_models = stored_tables(), all_rows()
    assert len(before[0]) > restore.PAGE_SIZE
    lose_the_database()
    assert stored_tables() == ([], [])
    code, said = run_restore(verify=True)
    assert code == 0, said
    assert restored_counts(said)[:3] == [len(before[0]), len(before[1]), 0]
    assert stored_tables() == before
    catch_up()
    assert_read_models_equal_fold()
    # The keys were in the lost database, too: without their backup no free text and no customer's number can be read.
    numbers = {key for key, row in read_models["external-id"].items() if row["kind"] == "customer"}
    assert numbers
    read_models["external-id"] = {key: row for key, row in read_models["external-id"].items() if key not in numbers}
    assert all_rows() == read_models


def test_a_restored_shop_goes_on(kafka_topics: str) -> None:
    """With the next position and the next number in each partition; and the table's own rules hold as before."""
    append_orders(20)
    relay_all()
    last = StoredEvent.objects.count()
    lose_the_database()
    assert run_restore()[0] == 0
    append_orders(1, seed=2)
    assert backend().select_events("ORDER BY position DESC LIMIT 1", ())[0].position > last
    assert StoredEvent.objects.filter(position=last + 1).exists()
    relay_all()
    assert run_command("verify_log").code == 0
    with pytest.raises(DatabaseError, match="rows are never changed or deleted"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM event WHERE position = 1")


def test_a_command_that_was_accepted_before_gets_its_first_answer(kafka_topics: str) -> None:
    line = Line(sku="a", description="b", quantity=2, price=pounds("1.50"))
    create = CreateOrder(order_id=new_id(), reference="R", customer_id=None, lines=(line,))
    # No command with a free text: with its key the proof that it is the same one is lost.
    pay = RequestPayment(order_id=create.order_id, method="card")
    told = [(create, Envelope(new_id(), "ada")), (pay, Envelope(new_id(), "bob"))]
    first = [command_dispatcher.send(command, envelope=envelope) for command, envelope in told]
    relay_all()
    lose_the_database()
    assert run_restore()[0] == 0
    again = [command_dispatcher.send(command, envelope=envelope) for command, envelope in told]
    assert [answer.replayed for answer in again] == [True, True]
    assert [(receipt.version, receipt.events, receipt.position, receipt.command_type) for receipt in again] == [
        (receipt.version, receipt.events, receipt.position, receipt.command_type) for receipt in first
    ]
    with pytest.raises(CommandIdReused):
        command_dispatcher.send(pay, envelope=told[0][1])
    assert StoredEvent.objects.count() == 2


def test_a_dry_run_checks_everything_and_writes_nothing(kafka_topics: str) -> None:
    append_orders(20)
    relay_all()
    events, receipts = StoredEvent.objects.count(), StoredReceipt.objects.count()
    lose_the_database()
    code, said = run_restore(dry_run=True)
    assert code == 0
    assert restored_counts(said)[:2] == [events, receipts]
    assert stored_tables() == ([], [])
    append_orders(1)
    assert StoredEvent.objects.filter(position=1).exists()


@pytest.mark.chaos
def test_killed_again_and_again_it_goes_on(
    kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    append_orders(700 * (KILLS + 1))
    relay_all()
    before, log = stored_tables(), tmp_path / "restore.log"
    lose_the_database()

    def is_killed_in_the_middle() -> bool:
        reached = StoredEvent.objects.count()
        with manage_process(COMMAND, "--processes", "2", env=kafka_process_env, log=log) as process:
            wait_until(lambda: StoredEvent.objects.count() > reached, seen=log)
            readers = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            wait_for_exit(process)
            wait_until(lambda: not any(reader.is_running() for reader in readers), seen=log)
        if StoredEvent.objects.count() < len(before[0]):
            return True
        lose_the_database()  # it was quicker than the kill: once more
        return False

    for _ in range(KILLS):
        wait_until(is_killed_in_the_middle, seen=log)
    assert StoredEvent.objects.count() % restore.PAGE_SIZE == 0
    code, said = run_restore(verify=True)
    assert code == 0, said
    assert stored_tables() == before
    assert restored_counts(run_restore()[1])[:2] == [0, 0]


def test_a_database_with_anything_else_in_it_is_refused(kafka_topics: str) -> None:
    append_orders(5)
    relay_all()
    lose_the_database()
    append_orders(1, seed=7)
    before = stored_tables()
    for dry_run in (True, False):
        refused = run_command(COMMAND, dry_run=dry_run)
        assert (refused.code, type(refused.cause)) == (1, RestoreRefused)
        assert numbers_in(refused.failure)[:1] == [1]  # the position that differs
    assert stored_tables() == before


def test_a_database_that_is_ahead_has_nothing_to_get(kafka_topics: str) -> None:
    append_orders(5)
    relay_all()
    published = StoredEvent.objects.count()
    append_orders(1, seed=2)
    refused = run_command(COMMAND)
    assert (refused.code, type(refused.cause)) == (1, RestoreRefused)
    assert numbers_in(refused.failure) == [StoredEvent.objects.count(), published]


def test_what_was_changed_on_kafka_breaks_the_chain(kafka_topics: str) -> None:
    append_orders(10)

    def changed(all_: list[Record]) -> Iterable[Record]:
        record = all_[4]
        all_[4] = make_record(record.row._replace(actor="mallory"), record.sequence, record.receipt)
        return all_

    publish(kafka_topics, changed)
    fifth = table_records()[4].row
    lose_the_database()
    for dry_run in (True, False):
        refused = run_command(COMMAND, dry_run=dry_run)
        assert (refused.code, type(refused.cause)) == (1, BrokenStream)
        assert str(fifth.event_id) in refused.failure
        # The position and the version, then only the partition and the offset: a duplicate has another version.
        assert (numbers_in(refused.failure)[:2], len(numbers_in(refused.failure))) == ([5, fifth.version], 4)
    assert stored_tables() == ([], [])


def test_a_stream_that_lacks_an_event_is_named_or_left_out_from_there_on(kafka_topics: str) -> None:
    append_orders(10)
    long = next(record.row for record in table_records() if record.row.version == 3)  # its second event is lost

    def is_behind(record: Record) -> bool:
        return record.row.aggregate_id == long.aggregate_id and record.row.version >= 2

    publish(
        kafka_topics, lambda all_: [record for record in all_ if not (is_behind(record) and record.row.version == 2)]
    )
    before = [record.row for record in table_records() if not is_behind(record)]
    behind = sum(map(is_behind, table_records())) - 1
    lose_the_database()
    refused = run_command(COMMAND)
    assert (refused.code, type(refused.cause)) == (1, IncompleteStream)
    assert str(long.aggregate_id) in refused.failure and "--past-holes" in refused.failure
    position, version, *_, missing = numbers_in(refused.failure)
    assert (position, version, missing) == (long.position, 3, 2)
    assert stored_tables() == ([], [])
    for there in (0, len(before)):  # the second time there is nothing more to do
        code, said = run_restore(past_holes=True)
        assert code == 0
        assert restored_counts(said)[2:5] == [there, 1, behind]
        assert stored_tables()[0] == before


def test_a_missing_end_of_a_stream_fails_only_the_exit_status(kafka_topics: str) -> None:
    append_orders(10)
    ends = {record.row.aggregate_id: record for record in table_records()}
    lost = next(
        record
        for record in ends.values()
        if any(record.partition == other.partition and other.sequence > record.sequence for other in table_records())
    )
    publish(kafka_topics, lambda all_: [record for record in all_ if record.row != lost.row])
    before = [record.row for record in table_records() if record.row != lost.row]
    lose_the_database()
    code, said = run_restore()
    assert (code, numbers_in(said)) == (1, [1])
    assert stored_tables()[0] == before


@pytest.mark.parametrize("processes", [1, 2])
def test_repeats_tombstones_and_foreign_records_are_told_and_passed(kafka_topics: str, processes: int) -> None:
    append_orders(10)
    publish(kafka_topics, lambda all_: [*all_[:6], *all_])
    first = table_records()[0]
    send(
        kafka_topics,
        [
            tombstone(first, [record for record in table_records() if record.partition == first.partition][-1]),
            first._replace(value=b"garbage"),
        ],
    )
    before = stored_tables()
    lose_the_database()
    code, said = run_restore(processes=processes)
    assert code == 0
    assert restored_counts(said)[5:] == [6, 1, 1]
    assert any(line.endswith(f" {first.key.decode()}") for line in said.splitlines())
    assert stored_tables() == before  # what was not compacted away yet is there to be restored


def _has_later(event: Record, records: Iterable[Record]) -> bool:
    """Whether another event follows in its partition, so that it is late when it is published as the last one."""
    return any(other.partition == event.partition and other.row.position > event.row.position for other in records)


def test_events_out_of_order_are_refused(kafka_topics: str) -> None:
    append_orders(10)
    records = table_records()
    late = next(two for two in records if two.row.version == 2 and _has_later(two, records))
    publish(kafka_topics, lambda all_: [*(record for record in all_ if record.row != late.row), late])
    lose_the_database()
    refused = run_command(COMMAND, past_holes=True)
    assert (refused.code, type(refused.cause)) == (1, BrokenStream)
    assert str(late.row.event_id) in refused.failure
