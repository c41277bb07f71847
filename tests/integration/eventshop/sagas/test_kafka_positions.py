"""A router that used to read Kafka goes on with the event table: it leaves out no event, and hears none again."""

from __future__ import annotations

from uuid import UUID

import pytest

from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka.event_records import PARTITIONS, partition_for
from eventshop.sagas import partition_leases
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.models import InboxMessage, PartitionLease
from tests.support.misbehaving_saga import Say, echoing_registry, mood_registry, new_person

pytestmark = pytest.mark.usefixtures("clean_database")

#: People whose streams are in different partitions of Kafka.
AHEAD, BEHIND = new_person(), new_person()
while partition_for(BEHIND) == partition_for(AHEAD):
    BEHIND = new_person()


@pytest.fixture
def heard(clean_database: None) -> None:
    """Six events, three of each person in turn, and all messages were deleted as retention does."""
    for word in ("hello", "a", "b"):
        for person in (AHEAD, BEHIND):
            send(Say(person, word), envelope=Envelope(new_person(), correlation_id=person), registry=mood_registry)
    route_events()
    InboxMessage.objects.all().delete()
    PartitionLease.objects.all().delete()


def route_events() -> None:
    """Route all events, as a worker that has just been started."""
    router = EventRouter("w", sagas=echoing_registry(), registry=mood_registry)
    router.renew_lease()
    while router.route_events(limit=2):
        pass
    partition_leases.release_leases("w")


def read_from_kafka(positions: dict[UUID, int]) -> None:
    """The leases of an earlier release, whose other partitions have routed everything."""
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True)[0]
    reached = {partition_for(person): position for person, position in positions.items()}
    PartitionLease.objects.bulk_create(
        PartitionLease(name="kafka", number=number, offset=number + 7, position=reached.get(number, newest))
        for number in range(PARTITIONS)
    )


def inbox_positions() -> list[int | None]:
    return list(InboxMessage.objects.order_by("pk").values_list("position", flat=True))


@pytest.mark.usefixtures("heard")
def test_each_event_that_no_partition_has_routed_is_routed_and_no_other() -> None:
    first = StoredEvent.objects.order_by("position").values_list("position", flat=True)[0]
    read_from_kafka({AHEAD: first + 4, BEHIND: first + 1})  # all of one person, only the first event of the other
    route_events()
    assert inbox_positions() == [first + 3, first + 5]
    route_events()
    assert inbox_positions() == [first + 3, first + 5]


@pytest.mark.usefixtures("heard")
def test_a_router_that_has_read_the_table_before_does_not_go_back() -> None:
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True)[0]
    PartitionLease.objects.create(name="database", number=0, offset=newest, position=newest)
    read_from_kafka({AHEAD: 1, BEHIND: 1})
    route_events()
    assert inbox_positions() == []
    assert PartitionLease.objects.get(name="database").offset == newest


@pytest.mark.usefixtures("heard")
def test_it_starts_where_the_slowest_partition_stood() -> None:
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True)[0]
    read_from_kafka({AHEAD: newest, BEHIND: newest - 1})
    router = EventRouter("w", sagas=echoing_registry(), registry=mood_registry)
    router.renew_lease()
    assert router.route_events() == 1
    assert inbox_positions() == [newest]


def test_without_kafka_it_starts_at_the_beginning() -> None:
    send(Say(AHEAD, "hello"), envelope=Envelope(new_person(), correlation_id=AHEAD), registry=mood_registry)
    route_events()
    assert len(inbox_positions()) == 1
