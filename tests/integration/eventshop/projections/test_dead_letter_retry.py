"""After a fix, dead letters are folded in order, whatever else happens meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Event as Signal
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from eventshop.core.errors import UnknownProjection
from eventshop.projections import dead_letter_retry
from eventshop.projections.dead_letter_retry import RETRY_BATCH, RetryResult
from eventshop.projections.models import DeadLetter
from eventshop.projections.targets import live_target
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.failing_projection import Flaky, fail, queue, register_temporarily, retry
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    catch_up_in_batches,
    checkpoint_of,
    running_projections,
)
from tests.support.sales import Sale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """The order summary's twin, which the registry knows."""
    yield from register_temporarily(Flaky(order_summary))


def no_text(row: Any) -> None:
    row.reference = object()


def missing(row: Any) -> None:
    row.reference = None


def test_after_a_fix_the_queue_drains_in_order_and_rows_are_the_fold(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    append_order_histories(Random(7), range(10, 20))
    append(sale.order_id, sale.shipped, sale.delivered)
    catch_up(flaky.projection)
    flaky.repair()
    assert retry(flaky) == RetryResult(4, 0)
    assert_rows_equal_fold(flaky.projection)
    assert not DeadLetter.objects.exists()
    assert checkpoint_of(flaky.projection).parked == 0


def test_the_queue_drains_up_to_the_next_event_that_fails(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (sale.order_id, 3): fail}
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    catch_up(flaky.projection)
    del flaky.spoils[sale.order_id, 1]
    assert retry(flaky) == RetryResult(2, 2)
    assert queue(flaky) == [(3, True), (4, False)]
    assert checkpoint_of(flaky.projection).parked == 2
    assert OrderSummary.objects.get().status == "PAID"


def test_the_queue_drains_up_to_the_next_row_the_database_refuses(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 1): fail, (sale.order_id, 3): missing}
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    catch_up(flaky.projection)
    del flaky.spoils[sale.order_id, 1]
    assert retry(flaky) == RetryResult(2, 2)
    assert queue(flaky) == [(3, True), (4, False)]
    assert OrderSummary.objects.get().status == "PAID"


def test_nothing_parked_is_nothing_to_retry(flaky: Flaky) -> None:
    assert retry(flaky) == RetryResult(0, 0)
    with pytest.raises(UnknownProjection, match="flaky"):
        dead_letter_retry.retry("nonsense", sale.order_id)


def test_a_late_event_keeps_the_lineage_of_newer_ones_in_a_shared_row() -> None:
    flaky = Flaky(daily_sales)
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    catch_up(flaky.projection)
    flaky.repair()
    dead_letter_retry.retry_queue(live_target(flaky.projection), sale.order_id)
    assert_rows_equal_fold(daily_sales)


def test_a_queue_longer_than_one_retry_takes_drains_over_several(flaky: Flaky) -> None:
    long = [sale.created] + [sale.requested] * (RETRY_BATCH + 99) + [sale.paid, sale.shipped]
    append(sale.order_id, *long)
    flaky.spoils[sale.order_id, 1] = fail
    catch_up(flaky.projection)
    assert len(queue(flaky)) == len(long)
    flaky.repair()
    assert retry(flaky) == RetryResult(RETRY_BATCH, len(long) - RETRY_BATCH)
    assert OrderSummary.objects.get().status == "CREATED"
    append(sale.order_id, sale.delivered)
    catch_up(flaky.projection)  # behind the rest of its queue
    assert OrderSummary.objects.get().status == "CREATED"
    assert retry(flaky) == RetryResult(len(long) + 1 - RETRY_BATCH, 0)
    assert_rows_equal_fold(flaky.projection)


def test_an_event_after_the_drain_is_folded_at_once(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    flaky.repair()
    append(sale.order_id, sale.paid)
    assert retry(flaky) == RetryResult(1, 0)
    catch_up(flaky.projection)
    assert OrderSummary.objects.get().status == "PAID"
    assert_rows_equal_fold(flaky.projection)


def test_draining_while_a_worker_projects_keeps_every_order_in_order(flaky: Flaky) -> None:
    sales = [Sale(number) for number in range(1, 9)]
    for each in sales:
        flaky.spoils[each.order_id, 1] = fail
        append(each.order_id, each.created)
    catch_up(flaky.projection)
    flaky.repair()
    done = Signal()

    def project() -> None:
        while not done.is_set():
            catch_up_in_batches(flaky.projection, 2)
        connections.close_all()

    def retry_meanwhile() -> None:
        while not done.is_set():
            for each in sales:
                retry(flaky, each.order_id)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(project), pool.submit(retry_meanwhile)]
        for each in sales:
            append(each.order_id, each.requested, each.declined)
            append(each.order_id, each.paid)
            append(each.order_id, each.shipped, each.delivered)
        done.set()
        for each_busy in busy:
            each_busy.result()
    catch_up(flaky.projection)
    for each in sales:
        retry(flaky, each.order_id)
    assert not DeadLetter.objects.exists()
    assert checkpoint_of(flaky.projection).parked == 0
    assert_rows_equal_fold(flaky.projection)


def test_a_running_worker_retries_what_is_due(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    catch_up(flaky.projection)
    flaky.repair()
    DeadLetter.objects.filter(version=1).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    with running_projections(flaky.projection):
        wait_until(lambda: not DeadLetter.objects.exists())
    assert_rows_equal_fold(flaky.projection)


def test_a_worker_outlives_a_retry_that_the_database_refuses(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = no_text
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    DeadLetter.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    with running_projections(flaky.projection):
        wait_until(lambda: DeadLetter.objects.get().attempts == 2)
        append(other.order_id, other.created)
        wait_until(lambda: OrderSummary.objects.filter(pk=other.order_id).exists())


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_whatever_fails_wherever_the_rows_are_the_fold_once_it_is_mended(limit: int) -> None:
    chance = Random(8)
    flaky = Flaky(product_sales)
    lives = append_order_histories(chance, range(30))
    for order_history in lives:
        for version in range(1, len(order_history.events) + 1):
            if chance.random() < 0.2:
                flaky.spoils[order_history.order_id, version] = chance.choice([fail, missing_currency])
            elif chance.random() < 0.1:
                flaky.lost_keys.add((order_history.order_id, version))
    catch_up_in_batches(flaky.projection, limit)
    assert DeadLetter.objects.exists()
    flaky.repair()
    for stream in set(DeadLetter.objects.values_list("aggregate_id", flat=True)):
        assert dead_letter_retry.retry_queue(live_target(flaky.projection), stream).remaining == 0
    assert_rows_equal_fold(product_sales)
    assert checkpoint_of(flaky.projection).parked == 0


def missing_currency(row: Any) -> None:
    row.currency = None
