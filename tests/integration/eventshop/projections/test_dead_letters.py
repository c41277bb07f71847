"""A poison event stops its own aggregate in one projection, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.projections import dead_letter_retry, dead_letters
from eventshop.projections.dead_letter_retry import RetryResult
from eventshop.projections.models import DeadLetter
from eventshop.projections.targets import live_target
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.failing_projection import Flaky, fail, queue, register_temporarily, retry
from tests.support.read_models import (
    append,
    assert_rows_equal_fold,
    catch_up,
    catch_up_in_batches,
    checkpoint_of,
    expected_rows,
    history,
    stored_rows,
)
from tests.support.sales import Sale, gbp, line

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """The order summary's twin, which the registry knows."""
    yield from register_temporarily(Flaky(order_summary))


def append_raw(stream: UUID, version: int, **changed: Any) -> None:
    """An event's row as only a broken writer would leave it."""
    moment = timezone.now()
    row = EventRow(
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
    backend().append_events([row._replace(**changed)])


def test_an_event_that_fails_is_set_aside_with_its_error(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    before = timezone.now()
    assert catch_up(flaky.projection) == 1
    dead_letter, event = DeadLetter.objects.get(), history()[0].meta
    assert (dead_letter.event_id, dead_letter.event_type, dead_letter.version) == (event.event_id, "OrderCreated", 1)
    assert (dead_letter.aggregate_id, dead_letter.aggregate_type, dead_letter.position) == (
        sale.order_id,
        "Order",
        event.position,
    )
    assert dead_letter.error == "Broken: cannot digest this"
    assert "in fail" in dead_letter.traceback
    assert dead_letter.attempts == 1
    assert dead_letter.last_attempt_at is not None
    assert dead_letter.next_attempt_at is not None
    assert dead_letter.next_attempt_at - dead_letter.last_attempt_at == dead_letters.BACKOFF.first
    assert dead_letter.parked_at >= before
    assert checkpoint_of(flaky.projection).parked == 1
    assert checkpoint_of(flaky.projection).position == event.position


def test_later_events_of_its_aggregate_queue_behind_it_and_others_go_on(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created, other.paid)
    append(sale.order_id, sale.shipped)
    catch_up(flaky.projection)
    append(sale.order_id, sale.delivered)
    append(other.order_id, other.shipped)
    catch_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False), (4, False)]
    assert checkpoint_of(flaky.projection).parked == 3
    assert OrderSummary.objects.get(pk=sale.order_id).status == "CREATED"
    assert OrderSummary.objects.get(pk=other.order_id).status == "SHIPPED"


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_only_its_own_projection_sets_an_event_aside(flaky: Flaky, limit: int) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    catch_up_in_batches(daily_sales, limit)
    catch_up_in_batches(flaky.projection, limit)
    assert_rows_equal_fold(daily_sales)
    assert queue(flaky) == [(1, True), (2, False)]
    assert not stored_rows(flaky.projection)


def test_an_event_that_its_projection_does_not_handle_does_not_queue() -> None:
    flaky = Flaky(daily_sales)
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    catch_up(flaky.projection)
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
    catch_up(flaky.projection)
    without = [item for item in history() if (item.meta.aggregate_id, item.meta.version) != (twice.order_id, 2)]
    assert stored_rows(flaky.projection) == expected_rows(product_sales, without)
    flaky.repair()
    assert dead_letter_retry.retry_queue(live_target(flaky.projection), twice.order_id) == RetryResult(1, 0)
    assert_rows_equal_fold(product_sales)


def test_a_key_function_that_fails_sets_its_event_aside(flaky: Flaky) -> None:
    flaky.lost_keys.add((sale.order_id, 2))
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created)
    catch_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    assert DeadLetter.objects.order_by("position").values_list("error", flat=True)[0] == "Broken: whose is this?"
    flaky.repair()
    assert retry(flaky) == RetryResult(2, 0)
    assert_rows_equal_fold(flaky.projection)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"payload": '{"order_id": 7}'}, "BrokenStream"),
        ({"payload": "not JSON"}, "BrokenStream"),
        ({"metadata": "not JSON"}, "DecodeError"),
    ],
)
def test_what_cannot_be_read_is_set_aside(flaky: Flaky, changed: dict[str, Any], error: str) -> None:
    append(sale.order_id, sale.created)
    append_raw(sale.order_id, 2, **changed)
    append(other.order_id, other.created)
    append(sale.order_id, sale.paid)
    catch_up(flaky.projection)
    assert queue(flaky) == [(2, True), (3, False)]
    [first, _] = DeadLetter.objects.order_by("position")
    assert first.error.startswith(error)
    assert set(stored_rows(flaky.projection)) == {sale.order_id, other.order_id}
    assert retry(flaky) == RetryResult(0, 2)
    assert DeadLetter.objects.order_by("position")[0].attempts == 2


def test_an_error_no_database_can_hold_is_kept_in_other_words(flaky: Flaky) -> None:
    def unspeakable(row: Any) -> None:
        raise ValueError("\x00 and \ud800, " + "x" * 1000)

    flaky.spoils[sale.order_id, 1] = unspeakable
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    assert DeadLetter.objects.get().error.startswith("ValueError: ")
    assert retry(flaky) == RetryResult(0, 1)


def test_each_attempt_waits_longer_than_the_one_before(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    waits = []
    for _ in range(12):
        assert retry(flaky) == RetryResult(0, 1)
        row = DeadLetter.objects.get()
        assert row.last_attempt_at is not None
        assert row.next_attempt_at is not None
        waits.append((row.next_attempt_at - row.last_attempt_at).total_seconds())
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == dead_letters.BACKOFF.longest.total_seconds()
    assert DeadLetter.objects.get().attempts == 13
