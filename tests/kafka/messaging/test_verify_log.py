"""`verify_log` says that table and topic agree when they do, and names what differs first when they do not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from django.conf import settings

from eventshop.core.messages import new_id
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.models import AcknowledgedRecord
from eventshop.messaging.reconciliation import compare
from eventshop.messaging.reconciliation.acknowledgements import Acknowledgements
from eventshop.messaging.reconciliation.compare import Comparison
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from tests.support.command_output import numbers_in
from tests.support.kafka.topic_contents import (
    ChangeRecords,
    CommandOutput,
    Record,
    append_orders,
    make_record,
    publish,
    relay_all,
    run_command,
    running_relay,
    send,
    table_records,
    tombstone,
)

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def page_size(monkeypatch: pytest.MonkeyPatch) -> int:
    """A page that few events fill."""
    monkeypatch.setattr(compare, "PAGE_SIZE", 100)
    return compare.PAGE_SIZE


def run_verify_log() -> CommandOutput:
    return run_command("verify_log")


def test_what_the_relay_published_agrees(kafka_topics: str) -> None:
    append_orders(100)
    events = StoredEvent.objects.count()
    relay_all()
    found = run_verify_log()
    assert (found.code, found.comparison) == (0, [events, events, 0, 0, 0])


def test_more_than_a_page_in_many_transactions_agrees(kafka_topics: str, page_size: int) -> None:
    append_orders(100)
    events = StoredEvent.objects.count()
    assert events > page_size
    with running_relay() as relay:
        while relay.publish_batch(limit=17):
            pass
    assert run_verify_log().comparison[0] == events


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_follows_a_position_is_compared_alone(share: float, kafka_topics: str) -> None:
    """In each partition the first event after the position is found among transaction markers and other records."""
    append_orders(100)
    with running_relay() as relay:
        while relay.publish_batch(limit=17):
            pass
    plant_foreign_records()
    events = list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
    after = events[int(share * len(events)) - 1] if share else 0
    rest = sum(position > after for position in events)
    found = run_command("verify_log", after=after)
    assert found.comparison[:3] == [rest, events[-1], 0]
    assert found.failure.startswith(f"{topics.event_store_topic()} contains foreign records")


@pytest.mark.parametrize("wrong_at", [-2, 2])
def test_only_differences_after_the_position_are_found(wrong_at: int, kafka_topics: str) -> None:
    append_orders(20)
    middle = len(table_records()) // 2
    publish(kafka_topics, lambda records: [*records[: middle + wrong_at], *records[middle + wrong_at + 1 :]])
    found = run_command("verify_log", after=table_records()[middle].row.position)
    assert found.code == (wrong_at > 0)
    if wrong_at > 0:
        assert numbers_in(found.failure)[0] == table_records()[middle + wrong_at].row.position


def test_an_interrupted_comparison_goes_on_where_it_stopped(kafka_topics: str, page_size: int) -> None:
    append_orders(100)
    relay_all()
    rows = table_records()
    assert len(rows) > page_size

    def interrupt(events: int) -> None:
        raise KeyboardInterrupt

    acknowledgements = Acknowledgements(topics.require_topic(topics.event_store_topic()).topic_id)
    with OrderedTopicReader(topics.event_store_topic()) as reader:
        comparison = Comparison(reader, acknowledgements)
        with pytest.raises(KeyboardInterrupt):
            comparison.run(interrupt)
    assert comparison.equal_up_to == rows[page_size - 1].row.position
    found = run_command("verify_log", after=comparison.equal_up_to)
    assert (found.code, found.comparison[0]) == (0, len(rows) - page_size)


def test_an_empty_topic_and_an_empty_table_agree(kafka_topics: str) -> None:
    assert run_verify_log().comparison[:2] == [0, 0]
    append_orders(2)
    assert run_verify_log().comparison[:3] == [0, 0, StoredEvent.objects.count()]
    assert run_verify_log().code == 0


def test_what_is_not_relayed_yet_is_no_difference(kafka_topics: str) -> None:
    append_orders(10)
    with running_relay() as relay:
        relay.publish_batch(limit=20)
    waiting = StoredEvent.objects.count() - 20
    assert run_verify_log().comparison[:3] == [20, 20, waiting]
    assert run_verify_log().code == 0


def test_events_published_before_receipts_travelled_agree(kafka_topics: str) -> None:
    append_orders(3)
    publish(kafka_topics, lambda all_: [make_record(record.row, record.sequence, None) for record in all_])
    commands = sum(record.receipt is not None for record in table_records())
    assert run_verify_log().comparison[5:] == [commands]
    assert run_verify_log().code == 0


def pair(records: list[Record]) -> tuple[int, int]:
    """The first two that follow each other in one partition."""
    for place, first in enumerate(records):
        for later, second in enumerate(records[place + 1 :], start=place + 1):
            if second.partition == first.partition:
                return place, later
    raise AssertionError


def lost(records: list[Record]) -> Iterable[Record]:
    return records[:4] + records[5:]


def twice(records: list[Record]) -> Iterable[Record]:
    return [*records[:5], records[4], *records[5:]]


def swapped(records: list[Record]) -> Iterable[Record]:
    first, second = pair(records)
    records[first], records[second] = records[second], records[first]
    return records


def made_up(records: list[Record]) -> Iterable[Record]:
    stranger = records[4].row._replace(event_id=new_id(), position=1_000_000, version=99)
    return [
        *records,
        make_record(stranger, sum(record.partition == records[4].partition for record in records) + 1, None),
    ]


def moved(records: list[Record]) -> Iterable[Record]:
    records[4] = records[4]._replace(partition=(records[4].partition + 1) % 12)
    return records


def renamed(records: list[Record]) -> Iterable[Record]:
    records[4] = records[4]._replace(key=b"another")
    return records


def miscounted(records: list[Record]) -> Iterable[Record]:
    first, second = pair(records)
    records[second] = make_record(records[second].row, records[first].sequence, records[second].receipt)
    return records


def rewritten(records: list[Record]) -> Iterable[Record]:
    record = records[4]
    records[4] = make_record(
        record.row._replace(payload=record.row.payload.replace('"order_id":"', '"order_id":"f', 1)),
        record.sequence,
        record.receipt,
    )
    return records


def renamed_actor(records: list[Record]) -> Iterable[Record]:
    record = records[4]
    receipt = record.receipt and record.receipt._replace(actor="mallory")
    records[4] = make_record(record.row._replace(actor="mallory"), record.sequence, receipt)
    return records


def with_another_id(records: list[Record]) -> Iterable[Record]:
    records[4] = make_record(records[4].row._replace(event_id=new_id()), records[4].sequence, records[4].receipt)
    return records


def with_another_answer(records: list[Record]) -> Iterable[Record]:
    last = next(place for place, record in enumerate(records) if record.receipt)
    receipt = records[last].receipt
    assert receipt
    records[last] = make_record(records[last].row, records[last].sequence, receipt._replace(payload_hash=b"x" * 32))
    return records


def with_an_answer_of_its_own(records: list[Record]) -> Iterable[Record]:
    middle = next(place for place, record in enumerate(records) if not record.receipt)
    receipt = next(record.receipt for record in records if record.receipt)
    records[middle] = make_record(
        records[middle].row, records[middle].sequence, receipt._replace(position=records[middle].row.position)
    )
    return records


def with_one_header_more(records: list[Record]) -> Iterable[Record]:
    records[4] = records[4]._replace(headers=[*records[4].headers, ("x-more", b"1")])
    return records


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lost, "position 5 .* is in the table, but not on Kafka: no record .*:00000000.. in partition"),
        (twice, "position 5 .* is in partition .* a second time"),
        (swapped, "position .* is in partition .*, out of order: after position"),
        (made_up, "position 1000000 .* is in partition .*, but not in the table"),
        (moved, "position 5 .*: the partition is .* in the table, but .* on Kafka"),
        (renamed, "position 5 .*: the key is '.*' in the table, but 'another' on Kafka"),
        (miscounted, "position .*: the number within the partition is 2 in the table, but 1 on Kafka"),
        (
            rewritten,
            "position 5 .*: payload is '{.*'… in the table, but .* on Kafka; the hash matches only in the table",
        ),
        (
            renamed_actor,
            "position 5 .*: actor is 'system' in the table, but 'mallory' on Kafka; the hash matches only in",
        ),
        (with_another_id, "position 5 .*: event_id is .* on Kafka; the hash matches only in the table"),
        (with_another_answer, "the receipt's payload_hash is .* in the table, but .* on Kafka"),
        (with_an_answer_of_its_own, "the command's receipt is nothing in the table, but 'append' on Kafka"),
        (with_one_header_more, "position 5 .*: the number of headers is "),
    ],
)
def test_the_first_difference_is_named(wrong: ChangeRecords, said: str, kafka_topics: str) -> None:
    append_orders(10)
    publish(kafka_topics, wrong)
    found = run_verify_log()
    assert found.code == 1
    assert re.search(said, found.failure), found.failure


def test_of_several_differences_the_one_with_the_lowest_position_is_named(kafka_topics: str) -> None:
    append_orders(10)
    publish(kafka_topics, lambda all_: [record for record in renamed(all_) if record.row.position not in (3, 8)])
    assert numbers_in(run_verify_log().failure)[:1] == [3]


def test_a_tombstone_explains_what_is_missing(kafka_topics: str) -> None:
    """Compaction has removed the record of position 5; the tombstone still lies there."""
    append_orders(10)

    def erased(records: list[Record]) -> Iterable[Record]:
        last = [record for record in records if record.partition == records[4].partition][-1]
        return [*lost(records), tombstone(records[4], last)]

    publish(kafka_topics, erased)
    fifth = table_records()[4]
    found = run_verify_log()
    assert any(line.endswith(f" {fifth.key.decode()}") for line in found.out.splitlines())
    assert found.comparison[3:] == [1, 0]
    assert found.code == 0


def test_a_record_that_is_none_of_ours_is_named_and_fails(kafka_topics: str) -> None:
    """Also where partitions end with some, and there is nothing else in one."""
    append_orders(1)
    publish(kafka_topics)
    [*_, last] = table_records()
    strange = [last._replace(value=b"garbage", headers=[], partition=partition) for partition in range(12)]
    send(kafka_topics, [*strange, *[strange[last.partition]] * 40, last._replace(value=None, key=b"no event")])
    found = run_verify_log()
    assert (found.comparison[0], found.comparison[4]) == (len(table_records()), 53)
    assert any("'partition-sequence'" in line and numbers_in(line)[1] == 0 for line in found.out.splitlines()[:-1])
    assert found.code == 1 and found.failure.startswith(topics.event_store_topic())


def plant_foreign_records() -> None:
    """Two records of a stranger in partition 0."""
    [*_, last] = table_records()
    strange = last._replace(value=b"garbage", headers=[("from", b"a stranger")], partition=0)
    send(settings.EVENT_LOG_URL, [strange, strange._replace(key=b"other")])


def foreign_locations(verified: CommandOutput) -> list[str]:
    """PARTITION@OFFSET of each foreign record that verify_log lists."""
    lines = [line for line in verified.out.splitlines() if "not an event" in line]
    return [f"{numbers_in(line)[0]}@{numbers_in(line)[1]}" for line in lines]


def test_foreign_records_that_are_acknowledged_are_listed_and_fail_no_longer(kafka_topics: str) -> None:
    append_orders(10)
    relay_all()
    plant_foreign_records()
    found = run_verify_log()
    assert (found.code, found.comparison[4]) == (1, 2)
    assert "acknowledge_records PARTITION@OFFSET" in found.failure
    first, second = foreign_locations(found)
    options = {"operator": "Ada", "reason": "a test of the network team"}
    accepted = run_command("acknowledge_records", first, **options)
    assert (accepted.code, accepted.failure) == (0, "")
    found = run_verify_log()
    assert (found.code, found.comparison[4]) == (1, 1)
    run_command("acknowledge_records", first, second, **options)
    found = run_verify_log()
    assert (found.code, found.comparison[4:]) == (0, [0, 2])
    assert found.out.count("acknowledged by Ada: a test of the network team") == 2
    assert AcknowledgedRecord.objects.count() == 2
    assert run_command("republish_events").code == 0  # the topic still is the beginning of the table


def test_an_acknowledgement_counts_for_its_record_only(kafka_topics: str) -> None:
    append_orders(10)
    relay_all()
    plant_foreign_records()
    [*_, location] = foreign_locations(run_verify_log())
    options = {"operator": "Ada", "reason": "known"}
    refused = run_command("acknowledge_records", location, "0@1000000", **options)
    assert refused.code == 1 and "no record" in refused.failure
    refused = run_command("acknowledge_records", "99@0", **options)
    assert refused.code == 1 and "no record" in refused.failure
    refused = run_command("acknowledge_records", f"{table_records()[0].partition}@0", **options)
    assert refused.code == 1 and "record of the relay" in refused.failure
    assert not AcknowledgedRecord.objects.exists()
    run_command("acknowledge_records", location, **options)
    AcknowledgedRecord.objects.update(digest="0" * 64)  # another record at the same place
    assert run_verify_log().comparison[4] == 2
    AcknowledgedRecord.objects.update(topic_id=new_id())  # in an earlier topic of this name
    assert run_verify_log().comparison[4] == 2


def test_without_kafka_it_says_what_it_needs(clean_database: None) -> None:
    found = run_verify_log()
    assert (found.code, found.out) == (1, "")
    for name in ("verify_log", "DATABASE_URL", "EVENT_LOG_URL"):
        assert name in found.failure


def test_an_unreachable_broker_is_one_clear_line(kafka_topics: str, settings: Any) -> None:
    unreachable = {"bootstrap_servers": ["127.0.0.1:1"], "bootstrap_timeout_ms": 500}
    settings.KAFKA_OPTIONS = {**settings.KAFKA_OPTIONS, **unreachable}
    found = run_verify_log()
    assert (found.code, found.out) == (1, "")
    assert "127.0.0.1:1" in found.failure
    assert "\n" not in found.failure
