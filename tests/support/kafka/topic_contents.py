"""Writes the event table to a topic as the relay does, or with a defect that a test specifies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from random import Random
from typing import NamedTuple, TypeAlias

from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, encode_event, partition_for
from eventshop.messaging.kafka.topic_end import read_last_records
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.runtime.watchdog import Watchdog
from tests.support.command_output import numbers_in
from tests.support.kafka.plain_clients import open_producer
from tests.support.read_models import append_order_histories
from tests.support.waiting import DEADLINE_S, wait_until


class Record(NamedTuple):
    """A record to send, and the event it is made from."""

    row: EventRow
    sequence: int
    receipt: ReceiptRow | None
    partition: int
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


ChangeRecords: TypeAlias = Callable[[list[Record]], Iterable[Record]]


def make_record(row: EventRow, sequence: int, receipt: ReceiptRow | None) -> Record:
    return Record(row, sequence, receipt, *encode_event(row, partition_for(row.aggregate_id), sequence, receipt))


def table_records() -> list[Record]:
    """The records of all events in the table; a command's last event carries the receipt."""
    sequences, records = [0] * PARTITIONS, list[Record]()
    rows = backend().select_events("ORDER BY position", ())
    receipts = {row.position: row for row in backend().load_receipts(list({row.command_id for row in rows}))}
    for row in rows:
        sequences[partition_for(row.aggregate_id)] += 1
        records.append(make_record(row, sequences[partition_for(row.aggregate_id)], receipts.get(row.position)))
    return records


def publish(url: str, change: ChangeRecords = list) -> None:
    """Send every event of the table to the topic, changed by `change`."""
    send(url, change(table_records()))


def send(url: str, planted: Iterable[Record]) -> None:
    producer = open_producer(url)
    sent = [
        producer.send(
            topics.event_store_topic(),
            key=record.key,
            value=record.value,
            headers=record.headers,
            partition=record.partition,
        )
        for record in planted
    ]
    for future in sent:
        future.get(DEADLINE_S)
    producer.close()


def tombstone(erased: Record, last: Record) -> Record:
    """A tombstone that erases one event. It carries the numbers of `last`, the last record of its partition."""
    numbers = [("partition-sequence", b"%d" % last.sequence), ("position", b"%d" % last.row.position)]
    return erased._replace(value=None, headers=numbers)


def append_orders(orders: int = 20, *, seed: int = 1) -> None:
    """Append the events of some orders to the table."""
    append_order_histories(Random(seed), range(seed * 10_000, seed * 10_000 + orders))


@contextmanager
def running_relay() -> Iterator[EventRelay]:
    """Run a leading relay in this process."""
    watchdog = Watchdog()
    relay = EventRelay(watchdog)
    try:
        assert acquire_leadership(relay.topic, relay.owner)
        relay.take_over()
        yield relay
    finally:
        relay.close()
        watchdog.close()


def publish_events(relay: EventRelay) -> int:
    """Publish every event of the table and wait until Kafka shows it, however busy the machine is; returns how many.

    A batch has no event while a transaction holds up the fence, and Kafka confirms records before it shows them.
    """
    count = 0

    def is_done() -> bool:
        nonlocal count
        count += (published := relay.publish_batch())
        return not published and relay.position >= newest_position()

    wait_until(is_done)
    read_last_records(relay.topic, PARTITIONS, await_open_transactions=True)
    return count


def relay_all() -> None:
    """Publish every event of the table."""
    with running_relay() as relay:
        publish_events(relay)


class CommandOutput(NamedTuple):
    """The exit code and the output of a command, and the error that made it fail."""

    code: int
    out: str
    failure: str
    cause: BaseException | None = None

    @property
    def comparison(self) -> list[int]:
        """The numbers of the line that compares table and topic.

        Equal events, the last position, not yet relayed events, tombstones and foreign records; then, where there are
        any, events that are on neither side and commands without a receipt on Kafka.
        """
        return numbers_in(self.out.splitlines()[-1 if self.failure else -2])


def run_command(command: str, *arguments: str, **options: object) -> CommandOutput:
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out, **options)
    except CommandError as error:
        return CommandOutput(error.returncode, out.getvalue(), str(error), error.__cause__)
    return CommandOutput(0, out.getvalue(), "")
