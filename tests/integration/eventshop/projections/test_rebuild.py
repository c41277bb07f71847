"""Rebuilding: the rows become the fold of all events, and until that moment readers see the old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from random import Random
from threading import Event as Signal
from typing import Any

import pytest
from django.db import connection, connections

from eventshop.core.errors import ProjectionError, UnknownProjection
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.projections import dead_letter_retry
from eventshop.projections import rebuild as rebuilding
from eventshop.projections.historical_queries import dry_run
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild import request_rebuild
from eventshop.projections.rebuild_run import BATCH, RebuildProgress
from eventshop.projections.runner import ProjectionRunner
from eventshop.projections.targets import rebuild_target
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.command_output import numbers_in
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    catch_up_in_batches,
    checkpoint_of,
    stored_rows,
)
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture(autouse=True)
def no_rebuild_left(clean_database: None) -> None:
    """A killed rebuild leaves its table; no test should find another's."""
    with connection.cursor() as cursor:
        for projection in projection_registry.select([]):
            cursor.execute(f'DROP TABLE IF EXISTS "{rebuild_target(projection).table.name}"')


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def rebuild(
    projection: Projection[Any], on_progress: Callable[[RebuildProgress], None] = lambda progress: None
) -> Rebuild:
    return rebuilding.rebuild(
        projection, DatabaseEventLog(), requested_by="ada", reason="to see", on_progress=on_progress
    )


def counts(job: Rebuild) -> tuple[int, int, int]:
    return job.added, job.changed, job.removed


def assert_no_rebuild_left(projection: Projection[Any]) -> None:
    target = rebuild_target(projection)
    assert target.table.name not in connection.introspection.table_names()
    assert not Checkpoint.objects.filter(projection=target.name).exists()
    assert not DeadLetter.objects.filter(projection=target.name).exists()


def append_many_events(count: int = BATCH + 500) -> None:
    """More than one batch of a rebuild."""
    append(sale.order_id, sale.created, *[sale.requested] * count, sale.paid)


def test_rebuilding_what_is_right_changes_nothing() -> None:
    append_order_histories(Random(1), range(30))
    projections = projection_registry.select([])
    catch_up(*projections)
    for projection in projections:
        before = stored_rows(projection)
        job = rebuild(projection)
        assert (job.state, counts(job), job.error) == (Rebuild.State.DONE, (0, 0, 0), "")
        assert (job.requested_by, job.reason) == ("ada", "to see")
        assert job.started_at is not None
        assert job.finished_at is not None
        assert stored_rows(projection) == before
        assert job.position == job.head == checkpoint_of(projection).position
        assert_no_rebuild_left(projection)
    assert_rows_equal_fold()


def test_tampered_missing_and_invented_rows_are_put_right_and_counted() -> None:
    append_order_histories(Random(2), range(30))
    catch_up(order_summary)
    tampered, lost, doubled = list(OrderSummary.objects.all()[:3])
    OrderSummary.objects.filter(pk=tampered.pk).update(total=Decimal("1000000"))
    OrderSummary.objects.filter(pk=lost.pk).delete()
    for number in (998, 999):
        doubled.pk = Sale(number).order_id
        doubled.save(force_insert=True)
    assert counts(rebuild(order_summary)) == (1, 1, 2)
    assert_rows_equal_fold(order_summary)


def test_a_rebuild_counts_what_its_dry_run_foresees(flaky: Flaky) -> None:
    """Lineage is no difference, and what waits behind an event that fails does not change a row."""
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    append(other.order_id, other.created)
    catch_up(flaky.projection)
    OrderSummary.objects.update(last_offset=0, last_partition=7)
    OrderSummary.objects.filter(pk=other.order_id).update(reference="tampered")
    foreseen = dry_run(flaky.projection)
    job = rebuild(flaky.projection)
    assert (foreseen.added, foreseen.changed, foreseen.removed) == counts(job) == (0, 1, 0)
    assert not OrderSummary.objects.filter(last_partition=7).exists()
    flaky.spoils[sale.order_id, 3] = fail
    result = dry_run(flaky.projection)
    assert (result.changed, result.failed) == (1, 2)
    assert result.examples[0].columns["status"] == ("DELIVERED", "PAID")


def test_a_checkpoint_beyond_the_end_of_the_log_is_put_right() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    Checkpoint.objects.update(position=10**9, store_position=10**9)
    OrderSummary.objects.update(reference="of a lost event")
    assert counts(rebuild(order_summary)) == (0, 1, 0)
    append(sale.order_id, sale.paid)
    catch_up(order_summary)
    assert_rows_equal_fold(order_summary)


def test_a_projection_that_never_ran_can_be_rebuilt() -> None:
    append_order_histories(Random(3), range(10))
    job = rebuild(order_summary)
    assert counts(job) == (OrderSummary.objects.count(), 0, 0)
    assert_rows_equal_fold(order_summary)
    assert checkpoint_of(order_summary).events == StoredEvent.objects.count()
    assert catch_up(order_summary) == 0


def test_a_rebuild_of_nothing_is_nothing() -> None:
    assert counts(rebuild(order_summary)) == (0, 0, 0)
    append(sale.order_id, sale.created)
    assert catch_up(order_summary) == 1


def test_a_worker_goes_on_where_the_rebuild_ended() -> None:
    append(sale.order_id, sale.created)
    runner = ProjectionRunner([order_summary], DatabaseEventLog())
    runner.catch_up()
    append(sale.order_id, sale.paid)
    rebuild(order_summary)  # the runner has not seen this event, and must not fold it again
    append(sale.order_id, sale.shipped)
    runner.catch_up()
    assert_rows_equal_fold(order_summary)


def test_readers_see_the_old_rows_until_the_new_ones_are_there() -> None:
    append_many_events()
    catch_up(order_summary)
    OrderSummary.objects.update(reference="tampered")
    references: list[str] = []

    def look(progress: RebuildProgress) -> None:
        references.append(OrderSummary.objects.get().reference)

    assert counts(rebuild(order_summary, look)) == (0, 1, 0)
    assert len(references) >= 2
    assert set(references) == {"tampered"}
    assert OrderSummary.objects.get().reference == sale.reference


def test_progress_rises_to_the_head() -> None:
    append_many_events()
    head = StoredEvent.objects.latest("position").position
    reports: list[RebuildProgress] = []
    rebuild(order_summary, reports.append)
    assert [progress.events for progress in reports] == [BATCH, StoredEvent.objects.count()]
    assert reports[-1].position == reports[-1].head == head
    assert reports[0].eta_s is not None
    assert reports[0].eta_s > 0
    assert reports[-1].eta_s == 0


def test_a_rebuild_while_the_shop_goes_on_ends_up_equal() -> None:
    append_order_histories(Random(4), range(20))
    catch_up(product_sales)
    done = Signal()

    def sell() -> None:
        for number in range(100, 130):
            append_order_histories(Random(number), [number])
        connections.close_all()

    def project() -> None:
        while not done.is_set():
            catch_up_in_batches(product_sales, 10)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        selling, projecting = pool.submit(sell), pool.submit(project)
        rebuilds = 0
        while not selling.done() or not rebuilds:
            assert rebuild(product_sales).state == Rebuild.State.DONE
            rebuilds += 1
        selling.result()
        done.set()
        projecting.result()
    catch_up(product_sales)
    assert_rows_equal_fold(product_sales)
    assert counts(rebuild(product_sales)) == (0, 0, 0)


def test_a_rebuild_in_which_events_fail_keeps_the_live_rows_and_says_so(flaky: Flaky) -> None:
    append(sale.order_id, sale.created, sale.paid)
    append(other.order_id, other.created)
    catch_up(flaky.projection)
    before = stored_rows(flaky.projection)
    flaky.spoils[sale.order_id, 1] = fail
    with pytest.raises(ProjectionError, check=lambda error: numbers_in(error)[:2] == [2, 0]):
        rebuild(flaky.projection)
    job = Rebuild.objects.get()
    assert job.state == Rebuild.State.FAILED
    assert numbers_in(job.error)[:2] == [2, 0]  # events that cannot be folded, and those of the live rows
    assert "OrderCreated" in job.error
    assert job.finished_at is not None
    assert stored_rows(flaky.projection) == before
    assert checkpoint_of(flaky.projection).parked == 0
    append(other.order_id, other.paid)
    assert catch_up(flaky.projection) == 1  # the live projection goes on
    flaky.repair()
    assert counts(rebuild(flaky.projection)) == (0, 0, 0)
    assert_rows_equal_fold(flaky.projection)
    assert_no_rebuild_left(flaky.projection)


def test_after_a_rebuild_what_fails_is_parked_as_before(flaky: Flaky) -> None:
    flaky.spoils |= {(sale.order_id, 2): fail, (other.order_id, 1): fail}
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created, other.paid)
    catch_up(flaky.projection)
    del flaky.spoils[other.order_id, 1]
    assert counts(rebuild(flaky.projection)) == (1, 0, 0)
    dead_letter_rows = DeadLetter.objects.order_by("position")
    assert [(row.projection, row.aggregate_id, row.version, bool(row.error)) for row in dead_letter_rows] == [
        (flaky.projection.name, sale.order_id, 2, True),
        (flaky.projection.name, sale.order_id, 3, False),
    ]
    assert checkpoint_of(flaky.projection).parked == 2
    append(sale.order_id, sale.delivered)
    catch_up(flaky.projection)
    assert checkpoint_of(flaky.projection).parked == 3
    flaky.repair()
    assert dead_letter_retry.retry(flaky.projection.name, sale.order_id).remaining == 0
    assert_rows_equal_fold(flaky.projection)


def test_asking_twice_asks_once() -> None:
    first = request_rebuild(order_summary.name, requested_by="ada", reason="drift")
    second = request_rebuild(order_summary.name, requested_by="bob", reason="me too")
    assert first == second
    assert (second.requested_by, second.state) == ("ada", Rebuild.State.REQUESTED)
    job = rebuild(order_summary)
    assert (job.pk, job.state) == (first.pk, Rebuild.State.DONE)
    assert request_rebuild(order_summary.name, requested_by="bob", reason="again").pk != first.pk


def test_only_a_known_projection_can_be_rebuilt() -> None:
    with pytest.raises(UnknownProjection, match="order-summary"):
        request_rebuild("nonsense", requested_by="ada", reason="")
    assert not Rebuild.objects.exists()


def test_a_paused_projection_can_be_rebuilt_and_stays_paused() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    Checkpoint.objects.update(paused=True)
    append(sale.order_id, sale.paid)
    assert rebuild(order_summary).state == Rebuild.State.DONE
    assert OrderSummary.objects.get().status == "PAID"
    assert checkpoint_of(order_summary).paused
