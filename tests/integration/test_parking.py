"""A poison event stops its own aggregate in one projection, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from eventshop.core.errors import UnknownProjection
from eventshop.core.message import Meta, new_id
from eventshop.log.database import DatabaseLog
from eventshop.store.engine import engine
from eventshop.store.rows import Row
from orders.events import PaymentProcessed
from projections.daily_sales import daily_sales
from projections.engine import parking
from projections.engine.parking import AT_ONCE, Drained
from projections.engine.projection import Projection
from projections.engine.runner import Runner
from projections.engine.tables import ParkedEvent
from projections.models import DailySales, OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.read_models import (
    Flaky,
    append,
    append_lives,
    caught_up,
    checkpoint_of,
    equal_the_fold,
    eventually,
    fail,
    fold_in_steps,
    folded,
    held,
    history,
    listed,
)
from tests.shop import Sale, gbp, line

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """The order summary's twin, known to the catalogue."""
    yield from listed(Flaky(order_summary))


def queue(flaky: Flaky, stream: UUID = sale.order_id) -> list[tuple[int, bool]]:
    """A stream's parked events in order: version, and whether it has an error of its own."""
    parked = ParkedEvent.objects.filter(projection=flaky.projection.name, aggregate_id=stream)
    return [(row.version, bool(row.error)) for row in parked.order_by("position")]


def retry(flaky: Flaky, stream: UUID = sale.order_id) -> Drained:
    return parking.retry(flaky.projection.name, stream)


def raw(stream: UUID, version: int, **changed: Any) -> None:
    """An event's row as only a broken writer would leave it."""
    moment = timezone.now()
    row = Row(
        event_id=new_id(),
        aggregate_id=stream,
        aggregate_type="Order",
        event_type="OrderShipped",
        version=version,
        schema_version=1,
        occurred_at=moment,
        recorded_at=moment,
        correlation_id=stream,
        causation_id=None,
        saga_id=None,
        sequence_number=version,
        command_id=new_id(),
        actor="ada",
        metadata="{}",
        payload="{}",
        hash=bytes(32),
    )
    engine().append_many([row._replace(**changed)])


def test_an_event_that_fails_is_set_aside_with_its_error(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    before = timezone.now()
    assert caught_up(flaky.projection) == 1
    parked, event = ParkedEvent.objects.get(), history()[0].meta
    assert (parked.event_id, parked.event_type, parked.version) == (event.event_id, "OrderCreated", 1)
    assert (parked.aggregate_id, parked.aggregate_type, parked.position) == (sale.order_id, "Order", event.position)
    assert parked.error == "Broken: cannot digest this"
    assert "in fail" in parked.traceback
    assert parked.attempts == 1
    assert parked.last_attempt_at is not None
    assert parked.next_attempt_at is not None
    assert parked.next_attempt_at - parked.last_attempt_at == parking.FIRST_WAIT
    assert parked.parked_at >= before
    assert checkpoint_of(flaky.projection).parked == 1
    assert checkpoint_of(flaky.projection).position == event.position


def test_later_events_of_its_aggregate_queue_behind_it_and_others_go_on(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    append(sale.order_id, sale.shipped)
    caught_up(flaky.projection)
    append(sale.order_id, sale.delivered)
    append(other.order_id, other.shipped)
    caught_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False), (4, False)]
    assert checkpoint_of(flaky.projection).parked == 3
    assert OrderSummary.objects.get(pk=sale.order_id).status == "CREATED"
    assert OrderSummary.objects.get(pk=other.order_id).status == "SHIPPED"


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_only_its_own_projection_sets_an_event_aside(flaky: Flaky, limit: int) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    fold_in_steps(daily_sales, limit)
    fold_in_steps(flaky.projection, limit)
    equal_the_fold(daily_sales)
    assert queue(flaky) == [(1, True), (2, False)]
    assert not held(flaky.projection)


def test_an_event_that_its_projection_does_not_handle_does_not_queue() -> None:
    flaky = Flaky(daily_sales)
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    caught_up(flaky.projection)
    assert queue(flaky) == [(2, True)]


def test_what_failed_leaves_no_trace_in_rows_it_shares_with_others() -> None:
    flaky = Flaky(product_sales)
    twice = Sale(3, (line("71053", 1, gbp("1")), line("21212", 1, gbp("1"))))

    def fail_at_the_second_row(row: Any) -> None:
        if row.sku == "21212":
            fail(row)

    flaky.spoils[twice.order_id, 2] = fail_at_the_second_row
    append(sale.order_id, sale.created, sale.paid)
    append(twice.order_id, twice.created, twice.paid)
    append(other.order_id, other.created, other.paid)
    caught_up(flaky.projection)
    without = [item for item in history() if (item.meta.aggregate_id, item.meta.version) != (twice.order_id, 2)]
    assert held(flaky.projection) == folded(product_sales, without)
    flaky.mend()
    assert parking.drain(parking.live(flaky.projection), twice.order_id) == Drained(1, 0)
    equal_the_fold(product_sales)


def test_a_key_function_that_fails_sets_its_event_aside(flaky: Flaky) -> None:
    flaky.lost.add((sale.order_id, 2))
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created)
    caught_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    assert ParkedEvent.objects.order_by("position").values_list("error", flat=True)[0] == "Broken: whose is this?"
    flaky.mend()
    assert retry(flaky) == Drained(2, 0)
    equal_the_fold(flaky.projection)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"payload": '{"order_id": 7}'}, "BrokenStream"),
        ({"payload": "not JSON"}, "BrokenStream"),
        ({"event_type": "OrderTeleported"}, "UnknownName"),
        ({"metadata": "not JSON"}, "DecodeError"),
    ],
)
def test_what_cannot_be_read_is_set_aside(flaky: Flaky, changed: dict[str, Any], error: str) -> None:
    append(sale.order_id, sale.created)
    raw(sale.order_id, 2, **changed)
    append(other.order_id, other.created)
    append(sale.order_id, sale.paid)
    caught_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    [first, _] = ParkedEvent.objects.order_by("position")
    assert first.error.startswith(error)
    assert set(held(flaky.projection)) == {sale.order_id, other.order_id}
    assert retry(flaky) == Drained(0, 2)
    assert ParkedEvent.objects.order_by("position")[0].attempts == 2


def too_long(row: Any) -> None:
    row.country = "x" * 201


def out_of_range(row: Any) -> None:
    row.total = Decimal(10) ** 15


def too_many(row: Any) -> None:
    row.units = 2**63


def missing(row: Any) -> None:
    row.reference = None


def no_text(row: Any) -> None:
    row.reference = object()


def no_time(row: Any) -> None:
    row.created_at = "soon"


def nothing_known(row: Any) -> None:
    row.created_at = object()


def no_id(row: Any) -> None:
    row.customer_id = "ada"


def no_number(row: Any) -> None:
    row.lines = "two"


@pytest.mark.parametrize(
    "spoil", [too_long, out_of_range, too_many, missing, no_text, no_time, nothing_known, no_id, no_number]
)
def test_a_row_the_database_refuses_sets_aside_exactly_the_event_that_made_it(flaky: Flaky, spoil: Any) -> None:
    append_lives(Random(5), range(10, 30))
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append_lives(Random(6), range(30, 50))
    flaky.spoils[sale.order_id, 2] = spoil
    caught_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    assert ParkedEvent.objects.count() == 2
    without = [item for item in history() if item.meta.aggregate_id != sale.order_id or item.meta.version == 1]
    assert held(flaky.projection) == folded(order_summary, without)
    assert retry(flaky) == Drained(0, 2)
    flaky.mend()
    assert retry(flaky) == Drained(2, 0)
    equal_the_fold(flaky.projection)


@pytest.mark.parametrize("key", [("2026-01-31",), "day", ("soon", "GBP"), {"day": 1}, ((), {})])
def test_a_key_of_the_wrong_shape_sets_its_event_aside(key: Any) -> None:
    projection = Projection(DailySales, topic="strange-projection")

    def count(row: DailySales, event: PaymentProcessed, meta: Meta) -> None:
        row.orders += 1

    projection.on(
        PaymentProcessed, key=lambda event: key if event.order_id == sale.order_id else (date(2026, 1, 31), "GBP")
    )(count)
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    caught_up(projection)
    assert ParkedEvent.objects.get().aggregate_id == sale.order_id
    assert DailySales.objects.get().orders == 1


def renamed(table: str, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO "{to}"')


def test_a_table_that_is_not_there_is_no_events_fault() -> None:
    append(sale.order_id, sale.created, sale.paid)
    table = OrderSummary._meta.db_table
    renamed(table, "elsewhere")
    try:
        with pytest.raises(DatabaseError, match=table):
            caught_up(order_summary)
    finally:
        renamed("elsewhere", table)
    assert not ParkedEvent.objects.exists()
    caught_up(order_summary)
    equal_the_fold(order_summary)


@pytest.mark.postgres
def test_a_projection_without_its_table_holds_up_no_other() -> None:
    append(sale.order_id, sale.created, sale.paid)
    caught_up(order_summary, daily_sales)
    table, stop = OrderSummary._meta.db_table, Signal()
    renamed(table, "elsewhere")
    thread = Thread(target=Runner([order_summary, daily_sales], DatabaseLog(), owner="one").run, args=[stop])
    thread.start()
    try:
        append(other.order_id, other.created, other.paid)
        eventually(lambda: DailySales.objects.get().orders == 2)
    finally:
        stop.set()
        thread.join(10)
        renamed("elsewhere", table)
    assert not ParkedEvent.objects.exists()
    caught_up(order_summary)
    equal_the_fold(order_summary, daily_sales)


def test_an_error_no_database_can_hold_is_kept_in_other_words(flaky: Flaky) -> None:
    def unspeakable(row: Any) -> None:
        raise ValueError("\x00 and \ud800, " + "x" * 1000)

    flaky.spoils[sale.order_id, 1] = unspeakable
    append(sale.order_id, sale.created)
    caught_up(flaky.projection)
    assert ParkedEvent.objects.get().error.startswith("ValueError: ")
    assert retry(flaky) == Drained(0, 1)


def test_each_attempt_waits_longer_than_the_one_before(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    caught_up(flaky.projection)
    waits = []
    for _ in range(12):
        assert retry(flaky) == Drained(0, 1)
        row = ParkedEvent.objects.get()
        assert row.last_attempt_at is not None
        assert row.next_attempt_at is not None
        waits.append((row.next_attempt_at - row.last_attempt_at).total_seconds())
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == parking.LONGEST_WAIT.total_seconds()
    assert ParkedEvent.objects.get().attempts == 13


def test_after_a_fix_the_queue_drains_in_order_and_rows_are_the_fold(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    append_lives(Random(7), range(10, 20))
    append(sale.order_id, sale.shipped, sale.delivered)
    caught_up(flaky.projection)
    flaky.mend()
    assert retry(flaky) == Drained(4, 0)
    equal_the_fold(flaky.projection)
    assert not ParkedEvent.objects.exists()
    assert checkpoint_of(flaky.projection).parked == 0


def test_the_queue_drains_up_to_the_next_event_that_fails(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (sale.order_id, 3): fail}
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    caught_up(flaky.projection)
    del flaky.spoils[sale.order_id, 1]
    assert retry(flaky) == Drained(2, 2)
    assert queue(flaky) == [(3, True), (4, False)]
    assert checkpoint_of(flaky.projection).parked == 2
    assert OrderSummary.objects.get().status == "PAID"


def test_the_queue_drains_up_to_the_next_row_the_database_refuses(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (sale.order_id, 3): missing}
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    caught_up(flaky.projection)
    del flaky.spoils[sale.order_id, 1]
    assert retry(flaky) == Drained(2, 2)
    assert queue(flaky) == [(3, True), (4, False)]
    assert OrderSummary.objects.get().status == "PAID"


def test_nothing_parked_is_nothing_to_retry(flaky: Flaky) -> None:
    assert retry(flaky) == Drained(0, 0)
    with pytest.raises(UnknownProjection, match="flaky"):
        parking.retry("nonsense", sale.order_id)


def test_a_late_event_keeps_the_lineage_of_newer_ones_in_a_shared_row() -> None:
    flaky = Flaky(daily_sales)
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    caught_up(flaky.projection)
    flaky.mend()
    parking.drain(parking.live(flaky.projection), sale.order_id)
    equal_the_fold(daily_sales)


def test_a_queue_longer_than_one_retry_takes_drains_over_several(flaky: Flaky) -> None:
    long = [sale.created] + [sale.requested] * (AT_ONCE + 99) + [sale.paid, sale.shipped]
    append(sale.order_id, *long)
    flaky.spoils[sale.order_id, 1] = fail
    caught_up(flaky.projection)
    assert len(queue(flaky)) == len(long)
    flaky.mend()
    assert retry(flaky) == Drained(AT_ONCE, len(long) - AT_ONCE)
    assert OrderSummary.objects.get().status == "CREATED"
    append(sale.order_id, sale.delivered)
    caught_up(flaky.projection)  # behind the rest of its queue
    assert OrderSummary.objects.get().status == "CREATED"
    assert retry(flaky) == Drained(len(long) + 1 - AT_ONCE, 0)
    equal_the_fold(flaky.projection)


def test_an_event_after_the_drain_is_folded_at_once(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    caught_up(flaky.projection)
    flaky.mend()
    append(sale.order_id, sale.paid)
    assert retry(flaky) == Drained(1, 0)
    caught_up(flaky.projection)
    assert OrderSummary.objects.get().status == "PAID"
    equal_the_fold(flaky.projection)


def test_draining_while_a_worker_projects_keeps_every_order_in_order(flaky: Flaky) -> None:
    sales = [Sale(number) for number in range(1, 9)]
    for each in sales:
        flaky.spoils[each.order_id, 1] = fail
        append(each.order_id, each.created)
    caught_up(flaky.projection)
    flaky.mend()
    done = Signal()

    def project() -> None:
        while not done.is_set():
            fold_in_steps(flaky.projection, 2)
        connections.close_all()

    def drain() -> None:
        while not done.is_set():
            for each in sales:
                retry(flaky, each.order_id)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(project), pool.submit(drain)]
        for each in sales:
            append(each.order_id, each.requested, each.declined)
            append(each.order_id, each.paid)
            append(each.order_id, each.shipped, each.delivered)
        done.set()
        for each_busy in busy:
            each_busy.result()
    caught_up(flaky.projection)
    for each in sales:
        retry(flaky, each.order_id)
    assert not ParkedEvent.objects.exists()
    assert checkpoint_of(flaky.projection).parked == 0
    equal_the_fold(flaky.projection)


def test_a_running_worker_retries_what_is_due(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    caught_up(flaky.projection)
    flaky.mend()
    ParkedEvent.objects.filter(version=1).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    stop = Signal()
    thread = Thread(target=Runner([flaky.projection], DatabaseLog(), owner="one").run, args=[stop])
    thread.start()
    try:
        eventually(lambda: not ParkedEvent.objects.exists())
    finally:
        stop.set()
        thread.join(10)
    equal_the_fold(flaky.projection)


def test_a_worker_outlives_a_retry_that_the_database_refuses(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = no_text
    append(sale.order_id, sale.created)
    caught_up(flaky.projection)
    ParkedEvent.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    stop = Signal()
    thread = Thread(target=Runner([flaky.projection], DatabaseLog(), owner="one").run, args=[stop])
    thread.start()
    try:
        eventually(lambda: ParkedEvent.objects.get().attempts == 2)
        append(other.order_id, other.created)
        eventually(lambda: OrderSummary.objects.filter(pk=other.order_id).exists())
    finally:
        stop.set()
        thread.join(10)


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_whatever_fails_wherever_the_rows_are_the_fold_once_it_is_mended(limit: int) -> None:
    chance = Random(8)
    flaky = Flaky(product_sales)
    lives = append_lives(chance, range(30))
    for told in lives:
        for version in range(1, len(told.events) + 1):
            if chance.random() < 0.2:
                flaky.spoils[told.order_id, version] = chance.choice([fail, missing_currency])
            elif chance.random() < 0.1:
                flaky.lost.add((told.order_id, version))
    fold_in_steps(flaky.projection, limit)
    assert ParkedEvent.objects.exists()
    flaky.mend()
    for stream in set(ParkedEvent.objects.values_list("aggregate_id", flat=True)):
        assert parking.drain(parking.live(flaky.projection), stream).remaining == 0
    equal_the_fold(product_sales)
    assert checkpoint_of(flaky.projection).parked == 0


def missing_currency(row: Any) -> None:
    row.currency = None


def test_sums_too_large_for_their_column_stop_nobody_else() -> None:
    """An amount has fifteen digits, and so has the column; the sum of two such amounts has not."""
    for number in (1, 2):
        rich = Sale(number, (line("GOLD", 1, gbp("999999999999999")),))
        append(rich.order_id, rich.created, rich.paid)
    modest = Sale(3)
    append(modest.order_id, modest.created, modest.paid)
    caught_up(product_sales, order_summary)
    parked = ParkedEvent.objects.values_list("projection", "aggregate_id", "event_type")
    assert list(parked) == [("product-sales", Sale(2).order_id, "PaymentProcessed")]
    assert held(product_sales)["71053:GBP"]["units_sold"] == 6
    equal_the_fold(order_summary)
