"""A database and a Kafka that do not belong together: noticed by the identity of events, named, nothing published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventshop.core.errors import StoreDiverged
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher, import_events, store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoreEpoch
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.store_epoch_records import read_published_epoch
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation.divergence import DivergenceSuspected
from eventshop.messaging.relay.event_batches import RelayStopped
from eventshop.messaging.relay.event_relay import run_relay
from orders.domain.commands import CreateOrder, RecordObservedPayment
from tests.support.database_copy import copy_database, put_in_place
from tests.support.event_table_tampering import triggers_disabled
from tests.support.kafka import topic_reader
from tests.support.kafka.running_publishers import running, stopped_reason
from tests.support.kafka.topic_contents import relay_all, run_command, running_relay
from tests.support.sales import gbp, line
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture(autouse=True)
def commands_are_accepted_again() -> Iterator[None]:
    """What this process knows of a divergence must not outlive the test."""
    yield
    store_epochs.clear_divergence()


def state() -> tuple[str, str]:
    epoch = store_epochs.current_epoch()
    return epoch.divergence, epoch.divergence_reason


def topic_end() -> int:
    return read_topic_end(topics.event_store_topic(), PARTITIONS).position


def put_an_older_database_in_place(*, published_since: int = 20) -> int:
    """Publish some orders, take a copy, publish more, put the copy in place; returns the copy's last position."""
    sell(20)
    relay_all()
    copy = copy_database()
    sell(published_since)
    relay_all()
    put_in_place(copy)
    return newest_position()


def create_order() -> CreateOrder:
    return CreateOrder(order_id=new_id(), reference="N", customer_id=None, lines=(line("SKU", 2, gbp("3")),))


def sell(orders: int) -> None:
    """That many orders, two events each."""
    for order in [create_order() for _ in range(orders)]:
        paid = RecordObservedPayment(order_id=order.order_id, amount=gbp("6"), method="card")
        command_dispatcher.send_many([(order, Envelope(new_id())), (paid, Envelope(new_id()))])


def assert_relay_refuses(divergence: StoreEpoch.Divergence, *words: str) -> None:
    with pytest.raises(RelayStopped) as refusal, running_relay():
        pass
    found, reason = state()
    assert (found, reason) == (divergence, refusal.value.message)
    assert all(word in reason for word in words), reason


def test_an_older_database_in_place_is_behind_kafka(kafka_topics: str) -> None:
    last = put_an_older_database_in_place()

    assert_relay_refuses(StoreEpoch.Divergence.DATABASE_BEHIND, f"position {last}:", "restore_events_from_kafka")


def test_an_older_database_that_went_on_is_forked(kafka_topics: str) -> None:
    """The reported fault: positions that Kafka has were given to new events, and those never reached Kafka."""
    put_an_older_database_in_place()
    published = topic_end()
    sell(40)
    assert newest_position() > published

    assert_relay_refuses(StoreEpoch.Divergence.FORKED, "resolve_fork")
    assert topic_end() == published


def test_one_event_accepted_meanwhile_makes_a_fork(kafka_topics: str) -> None:
    put_an_older_database_in_place(published_since=60)
    sell(1)

    assert_relay_refuses(StoreEpoch.Divergence.FORKED, "resolve_fork")


def test_a_lost_database_is_behind_kafka(kafka_topics: str) -> None:
    copy = copy_database()
    sell(20)
    relay_all()
    put_in_place(copy)

    assert_relay_refuses(StoreEpoch.Divergence.DATABASE_BEHIND, "ends at position 0", "restore_events_from_kafka")


def test_a_kafka_without_what_it_confirmed_is_behind_the_database(kafka_topics: str) -> None:
    sell(20)
    relay_all()
    RelayCheckpoint.objects.update(position=newest_position() + 1)

    assert_relay_refuses(StoreEpoch.Divergence.KAFKA_BEHIND, "create_topics --forget")


def test_a_changed_event_is_a_fork(kafka_topics: str) -> None:
    sell(20)
    relay_all()
    with triggers_disabled() as cursor:
        cursor.execute("UPDATE event SET hash = sha256(hash) WHERE position = %s", [newest_position()])

    assert_relay_refuses(StoreEpoch.Divergence.FORKED, f"at position {newest_position()}")


def test_a_database_from_before_the_epoch_on_kafka_is_behind_though_no_event_is_missing(kafka_topics: str) -> None:
    sell(20)
    relay_all()
    copy = copy_database()
    store_epochs.begin_epoch("restored from a backup", restored_to_position=newest_position())
    sell(1)
    relay_all()
    published = read_published_epoch()
    assert published
    assert published.number == 2
    rows = backend().select_events(
        "WHERE position > %s ORDER BY position", (copy.sequences["public.event_position_seq"],)
    )
    put_in_place(copy)
    import_events.insert_events(rows, [])

    assert_relay_refuses(StoreEpoch.Divergence.WRONG_EPOCH, "epoch 2", "epoch 1", "restore_events_from_kafka")

    assert run_command("restore_events_from_kafka").code == 0
    relay_all()
    assert (state()[0], store_epochs.current_epoch().number) == ("", 3)


def test_the_epoch_is_on_kafka_with_its_first_events(kafka_topics: str) -> None:
    with running_relay() as relay:
        relay.publish_batch()
        assert read_published_epoch() is None
        sell(1)
        wait_until(relay.publish_batch)
        published = wait_until(read_published_epoch)
    epoch = store_epochs.current_epoch()
    assert published and (published.number, published.epoch_id) == (1, epoch.epoch_id)

    store_epochs.begin_epoch("restored", restored_to_position=newest_position())
    sell(1)
    relay_all()
    wait_until(lambda: (published := read_published_epoch()) is not None and published.number == 2)
    topic_reader.assert_exactly_once(kafka_topics)


def test_a_database_put_in_place_under_a_leading_relay_ends_its_term(kafka_topics: str) -> None:
    sell(20)
    relay_all()
    copy = copy_database()
    with running_relay() as relay:
        sell(5)
        wait_until(lambda: not relay.publish_batch() and relay.position >= newest_position())
        put_in_place(copy)
        relay._last_event_check._due_at = 0

        with pytest.raises(DivergenceSuspected):
            relay.publish_batch()


def test_a_running_relay_names_the_state_and_goes_on_once_it_is_resolved(kafka_topics: str) -> None:
    put_an_older_database_in_place()
    topic = topics.event_store_topic()
    with running(run_relay):
        wait_until(lambda: "restore_events_from_kafka" in stopped_reason(topic), seen=lambda: stopped_reason(topic))
        assert state()[0] == StoreEpoch.Divergence.DATABASE_BEHIND

        restored = run_command("restore_events_from_kafka")
        assert restored.code == 0, restored.failure
        sell(5)
        wait_until(lambda: topic_end() == newest_position(), seen=lambda: (topic_end(), stopped_reason(topic)))
    assert state() == ("", "")
    assert run_command("verify_log").code == 0


def test_commands_are_refused_while_the_database_is_behind_and_accepted_again_afterwards(kafka_topics: str) -> None:
    put_an_older_database_in_place()
    assert_relay_refuses(StoreEpoch.Divergence.DATABASE_BEHIND)
    before = newest_position()

    with pytest.raises(StoreDiverged, match="restore_events_from_kafka"):
        command_dispatcher.send(create_order())
    assert newest_position() == before

    assert run_command("restore_events_from_kafka").code == 0
    assert command_dispatcher.send(create_order()).position > topic_end()


def test_commands_are_accepted_while_kafka_is_behind(kafka_topics: str) -> None:
    store_epochs.record_divergence(StoreEpoch.Divergence.KAFKA_BEHIND, "Kafka lost events")

    assert command_dispatcher.send(create_order()).position


def test_a_setting_lets_commands_be_accepted_nevertheless(kafka_topics: str, settings: Any) -> None:
    settings.COMMANDS_WHILE_DIVERGED = "accept"
    store_epochs.record_divergence(StoreEpoch.Divergence.FORKED, "forked")

    assert command_dispatcher.send(create_order()).position
