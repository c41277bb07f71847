"""A store that forks, its resolution, and what must be true afterwards."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connections

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher, store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredReceipt
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.store_epoch_records import read_published_epoch
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.models import ForkedEvent, StoreFork
from eventshop.projections import rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from eventshop.runtime import wake_signals
from orders.domain.commands import CreateOrder, RecordObservedPayment
from tests.support.database_copy import copy_database, put_in_place
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import CommandOutput, relay_all, run_command
from tests.support.sales import gbp, line

#: The options that a resolution needs.
WHO = ("--operator", "Ada", "--reason", "an old copy was started")


class ForkedStore(NamedTuple):
    """What both sides had before the resolution."""

    common: list[EventRow]
    database: list[EventRow]
    kafka: list[EventRow]
    answered: CreateOrder  # in the database that was kept
    envelope: Envelope


def sell(*, paid: bool) -> CreateOrder:
    order = CreateOrder(order_id=new_id(), reference="N", customer_id=None, lines=(line("SKU", 2, gbp("3")),))
    command_dispatcher.send(order)
    if paid:
        pay(order)
    return order


def pay(order: CreateOrder) -> None:
    command_dispatcher.send(RecordObservedPayment(order_id=order.order_id, amount=gbp("6"), method="card"))


def fork_the_store() -> ForkedStore:
    """An older database is put in place under a reader, which has read more then; both went on with the same orders."""
    unpaid = [sell(paid=False) for _ in range(6)]
    relay_all()
    runner = ProjectionRunner(projection_registry.select([]), KafkaEventLog())
    runner.catch_up()
    copy, common = copy_database(), stored()
    for order in unpaid[:4]:
        pay(order)
    for _ in range(5):
        sell(paid=True)
    relay_all()
    kafka = stored()[len(common) :]
    put_in_place(copy)
    runner.catch_up()
    runner.close()
    for order in unpaid[2:]:
        pay(order)
    envelope = Envelope(new_id())
    answered = CreateOrder(order_id=new_id(), reference="A", customer_id=None, lines=(line("SKU", 1, gbp("3")),))
    command_dispatcher.send(answered, envelope=envelope)
    return ForkedStore(common, stored()[len(common) :], kafka, answered, envelope)


def stored() -> list[EventRow]:
    return backend().select_events("ORDER BY position", ())


def resolve(*options: str) -> CommandOutput:
    """Run the command; this process has no other connection to the database meanwhile."""
    wake_signals.stop_listening()
    connections.close_all()
    return run_command("resolve_fork", *options)


def assert_resolved(store: ForkedStore, url: str) -> None:
    """The table is kept, Kafka's events are on record, both sides agree, and no position has two contents."""
    rows = stored()
    kept, highest = rows[len(store.common) :], max(store.database[-1].position, store.kafka[-1].position)
    assert rows[: len(store.common)] == store.common
    assert [row._replace(position=0) for row in kept] == [row._replace(position=0) for row in store.database]
    assert all(row.position > highest for row in kept)
    assert [(row.position, row.event_id) for row in ForkedEvent.objects.order_by("position")] == [
        (row.position, row.event_id) for row in store.kafka
    ]
    assert StoreFork.objects.get().resolved_at
    again = command_dispatcher.send(store.answered, envelope=store.envelope)
    assert again.position in {row.position for row in kept}
    assert not StoredReceipt.objects.filter(command_id__in={row.command_id for row in store.kafka}).exists()

    sell(paid=True)
    relay_all()
    published = read_published_epoch()
    assert published and published.epoch_id == store_epochs.current_epoch().epoch_id
    assert published.restored_to_position == store.common[-1].position
    verified = run_command("verify_log")
    assert verified.code == 0, verified.failure
    topic_reader.assert_exactly_once(url)
    for job in rebuild.pending_rebuilds():
        rebuild.rebuild(projection_registry.get(job.projection), KafkaEventLog(), requested_by="test")
    catch_up()
    assert_read_models_equal_fold()
