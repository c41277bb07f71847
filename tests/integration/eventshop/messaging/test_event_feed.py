"""The event feed: one reader of the log for all projections of a worker, none of which holds up another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Any

import pytest

from eventshop.core.message_registry import registry
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog, DatabaseLogReader
from eventshop.messaging.event_feed import EventFeed, FeedInterrupted
from eventshop.messaging.event_log import DeliveredEvent, LogOffset
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection, projection_registry
from eventshop.runtime import wake_signals
from projections.daily_sales import daily_sales
from projections.order_summary import order_summary
from tests.support.customers import sign_up
from tests.support.failing_projection import Flaky, register_temporarily
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    checkpoint_of,
    running_projections,
)
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, join_threads, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)


class WatchedLog(DatabaseEventLog):
    """The event table; notes who opens a reader, and fails when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.fail: Callable[[], None] = lambda: None

    def open_reader(self, name: str) -> DatabaseLogReader:
        self.opened.append(name)
        return WatchedReader(self)


class WatchedReader(DatabaseLogReader):
    def __init__(self, source: WatchedLog) -> None:
        super().__init__(source._tail)
        self.source = source

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[DeliveredEvent]:
        self.source.fail()
        return super().read(after, limit, up_to=up_to)


@contextmanager
def running_feed(feed: EventFeed) -> Iterator[None]:
    stop = Signal()
    thread = Thread(target=feed.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake_signals.wake_all()
        join_threads(thread)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def is_up_to_date(*projections: Projection[Any]) -> bool:
    head = StoredEvent.objects.latest("position").position
    return all(Checkpoint.objects.filter(projection=each.name, position=head).exists() for each in projections)


def read_all(feed: EventFeed, name: str) -> list[int]:
    """The positions of all events, as a reader of the feed gets them."""
    reader, offset, positions = feed.open_reader(name), LogOffset(0), list[int]()
    head = StoredEvent.objects.latest("position").position
    while offset.offset < head:
        deliveries = reader.read({0: offset}, 7)
        for delivery in deliveries:
            offset = offset.after(delivery)
            positions.append(offset.position)
        if not deliveries:
            reader.wait(DEADLINE_S)
    reader.close()
    return positions


def test_the_log_is_read_once_for_all_projections() -> None:
    append_order_histories(Random(1), range(20))
    source, projections = WatchedLog(), projection_registry.select([])
    with running_projections(*projections, source=source):
        wait_until(lambda: is_up_to_date(*projections))
        append_order_histories(Random(2), range(20, 30))
        wait_until(lambda: is_up_to_date(*projections))
    assert source.opened == ["feed"]
    assert_rows_equal_fold()


def test_an_event_is_decoded_once_for_all_readers_unless_it_holds_personal_data() -> None:
    append(sale.order_id, sale.created, sale.paid)
    sign_up()
    feed = EventFeed(DatabaseEventLog())
    with running_feed(feed):
        one, two = ([*read_deliveries(feed, name)] for name in ("one", "two"))
    for first, second in zip(one, two, strict=True):
        assert first is second
        event = first.event(registry)
        is_personal = bool(registry.personal_fields_of(type(event)))
        assert (second.event(registry) is event) is not is_personal
        assert second.meta(registry) is first.meta(registry)
    assert {bool(registry.personal_fields_of(type(item.event(registry)))) for item in one} == {True, False}


def read_deliveries(feed: EventFeed, name: str) -> list[DeliveredEvent]:
    reader, offset, read = feed.open_reader(name), LogOffset(0), list[DeliveredEvent]()
    while offset.offset < StoredEvent.objects.latest("position").position:
        for delivery in reader.read({0: offset}, 100):
            assert isinstance(delivery, DeliveredEvent)
            read.append(delivery)
            offset = offset.after(delivery)
        reader.wait(0.01)
    return read


@pytest.mark.postgres  # on SQLite a batch in progress locks the database
def test_a_projection_that_stands_still_holds_up_no_other_and_catches_up_by_itself(flaky: Flaky) -> None:
    """The buffer holds fewer events than come while it stands still."""
    held, go_on = Signal(), Signal()

    def hold(row: Any) -> None:
        held.set()
        assert go_on.wait(DEADLINE_S)

    flaky.spoils[sale.order_id, 1] = hold
    source = WatchedLog()
    with running_projections(flaky.projection, daily_sales, source=source, capacity=50, threads=2):
        append(sale.order_id, sale.created)
        assert held.wait(DEADLINE_S)
        for seed in range(1, 6):
            append_order_histories(Random(seed), range(seed * 100, seed * 100 + 15))
            wait_until(lambda: is_up_to_date(daily_sales))
        assert StoredEvent.objects.count() > 150
        assert checkpoint_of(flaky.projection).position == 0
        go_on.set()
        wait_until(lambda: is_up_to_date(flaky.projection))
    assert source.opened[0] == "feed" and "flaky" in source.opened
    assert_rows_equal_fold(flaky.projection, daily_sales)


def test_a_reader_far_behind_does_not_take_the_others_back() -> None:
    append_order_histories(Random(1), range(30))
    source = WatchedLog()
    feed = EventFeed(source, capacity=10)
    head = StoredEvent.objects.latest("position").position
    ahead = feed.open_reader("ahead")
    assert ahead.read({0: LogOffset(head)}, 10) == []
    with running_feed(feed):
        late = read_all(feed, "late")
    assert late == sorted(StoredEvent.objects.values_list("position", flat=True))
    assert source.opened == ["feed", "late"]


@pytest.mark.parametrize("kept", [0, 1_000])
def test_an_idle_feed_keeps_few_of_the_events_that_everybody_has_read(kept: int) -> None:
    append_order_histories(Random(1), range(5))
    feed = EventFeed(DatabaseEventLog(), kept_when_idle=kept)
    slow = feed.open_reader("slow")
    assert slow.read({0: LogOffset(0)}, 1) == []
    with running_feed(feed):
        assert read_all(feed, "quick") == sorted(StoredEvent.objects.values_list("position", flat=True))
        assert feed._buffered() == StoredEvent.objects.count()  # the slow one has read none of them
        offset = LogOffset(0)
        for delivery in slow.read({0: offset}, 1_000):
            offset = offset.after(delivery)
        slow.acknowledge()
        append(sale.order_id, sale.created)  # wakes the feed, which is idle once it has read this
        wait_until(lambda: slow.has_events())
        assert [each.offset for each in slow.read({0: offset}, 10)] == [StoredEvent.objects.count()]
        slow.acknowledge()
        if kept:
            assert feed._buffered() == StoredEvent.objects.count()
        else:
            wait_until(lambda: feed._buffered() == 0)


@pytest.mark.parametrize("error", [OSError("connection reset"), ValueError("an offset out of range")])
def test_after_any_error_of_the_log_everybody_begins_again(error: Exception) -> None:
    failed, source = list[Exception](), WatchedLog()

    def fail() -> None:
        if len(failed) < 2:
            failed.append(error)
            raise error

    projections = projection_registry.select([])
    with running_projections(*projections, source=source):
        append_order_histories(Random(1), range(10))
        wait_until(lambda: is_up_to_date(*projections))
        source.fail = fail
        append_order_histories(Random(2), range(10, 20))
        wait_until(lambda: is_up_to_date(*projections))
    assert len(failed) == 2
    assert_rows_equal_fold()


def test_a_reader_is_told_of_a_failure_once() -> None:
    append(sale.order_id, sale.created)
    source = WatchedLog()
    feed = EventFeed(source)
    reader = feed.open_reader("one")
    assert reader.read({0: LogOffset(0)}, 10) == []
    feed._fail(OSError("gone"))
    with pytest.raises(FeedInterrupted, match="gone"):
        reader.read({0: LogOffset(0)}, 10)
    assert reader.read({0: LogOffset(0)}, 10) == []
    with running_feed(feed):
        assert read_all(feed, "two") == [1]
