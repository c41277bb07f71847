"""The event table on a topic as the relay would write it, and with something wrong where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from random import Random
from typing import NamedTuple, TypeAlias

from django.core.management import call_command
from django.core.management.base import CommandError
from kafka import KafkaProducer

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow, ReceiptRow
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, encode_event, partition_for
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.runtime.watchdog import Watchdog
from tests.support.read_models import append_lives


class Record(NamedTuple):
    """What is to be sent, beside the event it is made of."""

    row: EventRow
    sequence: int
    receipt: ReceiptRow | None
    partition: int
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


Wrong: TypeAlias = Callable[[list[Record]], Iterable[Record]]


def record(row: EventRow, sequence: int, receipt: ReceiptRow | None) -> Record:
    return Record(row, sequence, receipt, *encode_event(row, partition_for(row.aggregate_id), sequence, receipt))


def records() -> list[Record]:
    """Every event of the table, with its command's receipt where it is the command's last."""
    sequences, found = [0] * PARTITIONS, list[Record]()
    rows = backend().select_events("ORDER BY position", ())
    receipts = {row.position: row for row in backend().load_receipts(list({row.command_id for row in rows}))}
    for row in rows:
        sequences[partition_for(row.aggregate_id)] += 1
        found.append(record(row, sequences[partition_for(row.aggregate_id)], receipts.get(row.position)))
    return found


def publish(url: str, wrong: Wrong = list) -> None:
    """Put every event of the table on the topic, changed by `wrong`."""
    send(url, wrong(records()))


def send(url: str, planted: Iterable[Record]) -> None:
    producer = KafkaProducer(bootstrap_servers=url.removeprefix("kafka://").split(","))
    sent = [
        producer.send(topics.event_store_topic(), key=it.key, value=it.value, headers=it.headers, partition=it.partition)
        for it in planted
    ]
    for future in sent:
        future.get(10)
    producer.close()


def tombstone(erased: Record, last: Record) -> Record:
    """Erases one event. Its numbers say where it lies: behind `last`, the last record of its partition."""
    numbers = [("partition-sequence", b"%d" % last.sequence), ("position", b"%d" % last.row.position)]
    return erased._replace(value=None, headers=numbers)


def sold(orders: int = 20, *, seed: int = 1) -> None:
    """The lives of some orders, in the table."""
    append_lives(Random(seed), range(seed * 10_000, seed * 10_000 + orders))


@contextmanager
def relaying() -> Iterator[EventRelay]:
    """A relay that leads, in this process."""
    watchdog = Watchdog()
    relay = EventRelay(watchdog)
    try:
        assert acquire_leadership(relay.topic, relay.owner)
        relay.take_over()
        yield relay
    finally:
        relay.close()
        watchdog.close()


def relay_all() -> None:
    with relaying() as relay:
        while relay.publish_batch():
            pass


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    failure: str


def ran(command: str, **options: object) -> Said:
    out = StringIO()
    try:
        call_command(command, stdout=out, **options)
    except CommandError as error:
        return Said(error.returncode, out.getvalue(), str(error))
    return Said(0, out.getvalue(), "")
