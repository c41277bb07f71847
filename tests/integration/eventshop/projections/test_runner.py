"""Projecting: in batches of any size, by any number of runners, the rows are exactly the fold of all events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random
from threading import Barrier
from threading import Event as Signal

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.event_log import LogOffset
from eventshop.projections.checkpoints import CheckpointMove, advance_unmoved
from eventshop.projections.models import Checkpoint, DeadLetter, Worker
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from orders.domain.events import StockWrittenOff
from orders.domain.stock_item import stock_item_id
from projections.customer_summary import customer_summary
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    catch_up_in_batches,
    checkpoint_of,
    history,
    running_projections,
    stored_rows,
)
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)


def shipped_orders() -> int:
    return OrderSummary.objects.filter(status="SHIPPED").count()


def test_catching_up_folds_every_event_into_every_read_model() -> None:
    append_order_histories(Random(1), range(40))
    events, projections = StoredEvent.objects.count(), projection_registry.select([])
    assert catch_up(*projections) == events * len(projections)
    assert_rows_equal_fold()
    assert {checkpoint_of(projection).events for projection in projections} == {events}
    assert not DeadLetter.objects.exists()


def test_caught_up_means_nothing_to_do_until_something_happens() -> None:
    assert catch_up(order_summary) == 0
    append(sale.order_id, sale.created)
    assert (catch_up(order_summary), catch_up(order_summary)) == (1, 0)
    append(sale.order_id, sale.paid, sale.shipped)
    assert catch_up(order_summary) == 2
    assert shipped_orders() == 1


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_the_size_of_a_batch_never_shows(limit: int) -> None:
    append_order_histories(Random(2), range(15))
    for projection in projection_registry.select([]):
        catch_up_in_batches(projection, limit)
    assert_rows_equal_fold()


def test_an_event_that_a_projection_does_not_handle_is_passed() -> None:
    lost = StockWrittenOff(sku="71053", quantity=1, reason="broken", reference="COUNT-1")
    position = append(stock_item_id("71053"), lost)
    assert catch_up(order_summary) == 1
    assert (checkpoint_of(order_summary).position, checkpoint_of(order_summary).parked) == (position, 0)
    assert not OrderSummary.objects.exists()


def test_a_row_says_which_event_it_was_last_changed_by() -> None:
    other = Sale(2)
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created)
    append(sale.order_id, sale.shipped)
    catch_up(order_summary)
    row = OrderSummary.objects.get(pk=sale.order_id)
    last = history()[-1].meta
    assert (row.last_event_id, row.last_version) == (last.event_id, 3)
    assert (row.last_partition, row.last_offset) == (0, last.position)


def test_a_runner_that_was_overtaken_writes_nothing() -> None:
    append_order_histories(Random(3), range(10))
    zombie = ProjectionRunner([customer_summary], DatabaseEventLog())
    [target] = zombie.targets
    zombie.run_batch(target, limit=3)
    catch_up(customer_summary)
    rows, position = stored_rows(customer_summary), checkpoint_of(customer_summary).position
    with pytest.raises(CheckpointMoved, match="customer-summary"):
        zombie.run_batch(target, limit=3)
    assert stored_rows(customer_summary) == rows
    assert checkpoint_of(customer_summary).position == position
    assert_rows_equal_fold(customer_summary)
    assert zombie.run_batch(target) == 0  # it looked again, and there is nothing left to do


def test_a_runner_whose_checkpoint_is_gone_writes_nothing() -> None:
    append(sale.order_id, sale.created, sale.paid)
    zombie = ProjectionRunner([order_summary], DatabaseEventLog())
    [target] = zombie.targets
    zombie.run_batch(target, limit=1)
    Checkpoint.objects.all().delete()
    with pytest.raises(CheckpointMoved, check=lambda error: not isinstance(error.data["found"], int)):
        zombie.run_batch(target)
    assert OrderSummary.objects.get().status == "CREATED"


def test_runners_at_once_over_the_same_backlog_give_exactly_the_fold() -> None:
    append_order_histories(Random(4), range(40))
    start = Barrier(3)

    def work(limit: int) -> None:
        start.wait(DEADLINE_S)
        for projection in (daily_sales, product_sales, order_summary):
            catch_up_in_batches(projection, limit)
        connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, (3, 5, 11)))
    assert_rows_equal_fold(daily_sales, product_sales, order_summary)
    assert checkpoint_of(daily_sales).events == StoredEvent.objects.count()


def test_projecting_while_others_write_misses_nothing() -> None:
    start, done = Barrier(3), Signal()

    def write(writer: int) -> None:
        start.wait(DEADLINE_S)
        for turn in range(5):
            append_order_histories(Random(writer), range(writer * 100 + turn * 4, writer * 100 + turn * 4 + 4))
        connections.close_all()

    def read() -> None:
        start.wait(DEADLINE_S)
        while not done.is_set():
            catch_up_in_batches(product_sales, 5)
        connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        reader = pool.submit(read)
        for writer in [pool.submit(write, number) for number in (1, 2)]:
            writer.result(DEADLINE_S)
        done.set()
        reader.result(DEADLINE_S)
    catch_up(product_sales)
    assert_rows_equal_fold(product_sales)


def test_a_running_runner_folds_what_happens_and_gives_its_lease_back() -> None:
    append(sale.order_id, sale.created)
    with running_projections(order_summary):
        wait_until(OrderSummary.objects.exists)
        assert Checkpoint.objects.get().owner == Worker.objects.get().owner == "one"
        append(sale.order_id, sale.paid, sale.shipped)
        wait_until(shipped_orders)
    assert (Checkpoint.objects.get().owner, Checkpoint.objects.get().leased_until) == ("", None)
    assert not Worker.objects.exists()


def test_a_paused_projection_stands_still_until_it_goes_on() -> None:
    catch_up(order_summary, customer_summary)
    Checkpoint.objects.filter(projection=order_summary.name).update(paused=True)
    with running_projections(order_summary, customer_summary):
        append(sale.order_id, sale.created)
        wait_until(lambda: stored_rows(customer_summary))
        assert catch_up(order_summary) == 0
        assert not OrderSummary.objects.exists()
        Checkpoint.objects.update(paused=False)
        wait_until(OrderSummary.objects.exists)


def test_pausing_stops_a_runner_that_is_at_work() -> None:
    with running_projections(order_summary):
        append(sale.order_id, sale.created)
        wait_until(OrderSummary.objects.exists)
        Checkpoint.objects.update(paused=True)
        wait_until(lambda: not Checkpoint.objects.get().owner)
        append(sale.order_id, sale.paid, sale.shipped)
        assert catch_up(order_summary) == 0
    assert not shipped_orders()


def test_a_dead_workers_lease_runs_out() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    soon = timezone.now() + timedelta(seconds=1)
    Checkpoint.objects.update(owner="dead", leased_until=soon)
    append(sale.order_id, sale.paid, sale.shipped)
    with running_projections(order_summary):
        wait_until(shipped_orders)
    assert timezone.now() >= soon


@pytest.mark.postgres
def test_a_runner_outlives_its_database_connection() -> None:
    with running_projections(order_summary):
        append(sale.order_id, sale.created)
        wait_until(OrderSummary.objects.exists)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        append(sale.order_id, sale.paid, sale.shipped)
        wait_until(shipped_orders)
    assert_rows_equal_fold(order_summary)


@pytest.mark.postgres
def test_only_the_batches_themselves_may_answer_before_they_are_on_disk() -> None:
    """Whoever catches up may go on to send commands on the same connection, and those must be durable."""

    def durable() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    before = durable()
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    assert durable() == before


def all_passed(events: int) -> bool:
    return set(Checkpoint.objects.values_list("events", flat=True)) == {events}


def test_projections_that_an_event_does_not_concern_advance_in_one_statement() -> None:
    """An event costs a worker as much as the read models that it changes, not as many as there are."""
    append(sale.order_id, sale.created)
    others = (order_summary, customer_summary, daily_sales)
    lost = StockWrittenOff(sku="71053", quantity=1, reason="broken", reference="COUNT-1")
    with running_projections(*others):
        for number in range(1, 100):
            wait_until(partial(all_passed, number))
            # The time is the statement's. Now and then one of them is still busy with the event before.
            if number > 1 and Checkpoint.objects.values("advanced_at").distinct().count() == 1:
                break
            append(stock_item_id("71053"), lost)
        else:
            pytest.fail("each checkpoint was advanced by itself")
    assert_rows_equal_fold(*others)


def test_only_checkpoints_that_are_as_they_are_known_are_passed_on() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary, customer_summary)
    known, moved = checkpoint_of(order_summary), checkpoint_of(customer_summary)
    Checkpoint.objects.filter(pk=moved.pk).update(sequence=5)
    move = CheckpointMove(LogOffset(9, 9, 9), events=2, dead_letters=0)
    assert advance_unmoved([(known, move), (moved, move)]) == {known.pk}
    assert (checkpoint_of(order_summary).position, checkpoint_of(order_summary).events) == (9, 3)
    assert checkpoint_of(customer_summary).position == moved.position
    assert advance_unmoved([]) == set()


@pytest.mark.postgres
def test_a_checkpoint_that_somebody_holds_delays_no_other() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary, customer_summary)
    free, held = checkpoint_of(order_summary), checkpoint_of(customer_summary)
    move = CheckpointMove(LogOffset(9, 9, 9), events=1, dead_letters=0)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Checkpoint.objects.select_for_update().get(pk=held.pk)
        assert pool.submit(advance_then_close, [(free, move), (held, move)]).result(DEADLINE_S) == {free.pk}


def advance_then_close(moves: list[tuple[Checkpoint, CheckpointMove]]) -> set[int]:
    try:
        return advance_unmoved(moves)
    finally:
        connections.close_all()
