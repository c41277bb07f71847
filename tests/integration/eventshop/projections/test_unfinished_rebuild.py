"""Rebuilds that are killed, stopped, met by another or begun by a new version: they go on, and hold up nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Event as Signal
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved, ProjectionError
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.projections import rebuild as rebuilding
from eventshop.projections.models import Checkpoint, Rebuild
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild import pending_rebuilds, request_rebuild
from eventshop.projections.rebuild_run import BATCH, RebuildProgress
from eventshop.projections.targets import rebuild_target
from projections.daily_sales import daily_sales
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.command_output import numbers_in
from tests.support.failing_projection import Flaky, fail
from tests.support.read_models import (
    append,
    append_order_histories,
    assert_rows_equal_fold,
    catch_up,
    checkpoint_of,
    running_projections,
    stored_rows,
)
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)
NEWER = order_summary.version + 1


@pytest.fixture(autouse=True)
def no_rebuild_left(clean_database: None) -> None:
    """A killed rebuild leaves its table; no test should find another's."""
    with connection.cursor() as cursor:
        for projection in projection_registry.select([]):
            cursor.execute(f'DROP TABLE IF EXISTS "{rebuild_target(projection).table.name}"')


def rebuild(
    projection: Projection[Any], on_progress: Callable[[RebuildProgress], None] = lambda progress: None
) -> Rebuild:
    return rebuilding.rebuild(
        projection, DatabaseEventLog(), requested_by="ada", reason="to see", on_progress=on_progress
    )


def counts(job: Rebuild) -> tuple[int, int, int]:
    return job.added, job.changed, job.removed


def append_many_events(count: int = BATCH + 500) -> None:
    """More than one batch of a rebuild."""
    append(sale.order_id, sale.created, *[sale.requested] * count, sale.paid)


class Killed(BaseException):
    """The process ends in the middle."""


def test_a_killed_rebuild_goes_on_where_it_was() -> None:
    append_many_events()
    catch_up(order_summary)

    def kill(progress: RebuildProgress) -> None:
        raise Killed

    with pytest.raises(Killed):
        rebuild(order_summary, kill)
    job = Rebuild.objects.get()
    assert job.state == Rebuild.State.RUNNING
    assert pending_rebuilds() == [job]
    reports: list[RebuildProgress] = []
    again = rebuild(order_summary, reports.append)
    assert (again.pk, again.state, counts(again)) == (job.pk, Rebuild.State.DONE, (0, 0, 0))
    assert [progress.events for progress in reports] == [StoredEvent.objects.count() - BATCH]
    assert_rows_equal_fold(order_summary)


def test_a_rebuild_told_to_stop_leaves_what_it_has_for_the_next() -> None:
    append_many_events()
    stopping = Signal()
    job = rebuilding.rebuild(
        order_summary,
        DatabaseEventLog(),
        requested_by="ada",
        stopping=stopping,
        on_progress=lambda progress: stopping.set(),
    )
    assert job.state == Rebuild.State.RUNNING
    assert not OrderSummary.objects.exists()
    assert pending_rebuilds() == [job]
    reports: list[RebuildProgress] = []
    assert rebuild(order_summary, reports.append).state == Rebuild.State.DONE
    assert reports[0].events < BATCH
    assert_rows_equal_fold(order_summary)


def test_a_half_done_rebuild_of_another_version_is_begun_again() -> None:
    append_many_events()
    stopping = Signal()
    stopping_at_once = {"stopping": stopping, "on_progress": lambda progress: stopping.set()}
    rebuilding.rebuild(order_summary, DatabaseEventLog(), requested_by="ada", **stopping_at_once)  # type: ignore[arg-type]
    newer = Flaky(order_summary, name=order_summary.name, version=NEWER)
    reports: list[RebuildProgress] = []
    job = rebuilding.rebuild(newer.projection, DatabaseEventLog(), requested_by="ada", on_progress=reports.append)
    assert job.state == Rebuild.State.DONE
    assert reports[-1].events == StoredEvent.objects.count()
    assert_rows_equal_fold(order_summary)


def test_a_rebuild_whose_worker_died_waits_for_its_lease() -> None:
    job = request_rebuild(order_summary.name, requested_by="ada", reason="")
    assert pending_rebuilds() == [job]
    target = rebuild_target(order_summary)
    held_until = timezone.now() + timedelta(days=1)
    Checkpoint.objects.create(projection=target.name, owner="dead", leased_until=held_until)
    assert pending_rebuilds() == []
    Checkpoint.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert pending_rebuilds() == [job]
    assert rebuild(order_summary).state == Rebuild.State.DONE


def test_two_cannot_rebuild_the_same_projection_at_once() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)

    def meanwhile(progress: RebuildProgress) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(rebuild_refused).result()

    def rebuild_refused() -> None:
        with pytest.raises(CheckpointMoved, check=lambda error: error.data == {"projection": "order-summary"}):
            rebuild(order_summary)
        connections.close_all()

    job = rebuild(order_summary, meanwhile)
    assert (job.state, job.error) == (Rebuild.State.DONE, "")
    assert Rebuild.objects.count() == 1


def test_a_new_version_rebuilds_by_itself() -> None:
    append_order_histories(Random(5), range(10))
    catch_up(order_summary)
    OrderSummary.objects.update(reference="as the old version wrote it")
    newer = Flaky(order_summary, version=NEWER, name=order_summary.name)
    assert catch_up(newer.projection) == 0
    assert Rebuild.objects.get().requested_by == "engine"
    assert checkpoint_of(order_summary).version == NEWER
    assert_rows_equal_fold(order_summary)
    append(sale.order_id, sale.created)
    assert catch_up(newer.projection) == 1
    assert Rebuild.objects.count() == 1


def test_an_old_program_leaves_the_rows_of_a_newer_one_alone() -> None:
    append(sale.order_id, sale.created)
    newer = Flaky(order_summary, version=NEWER, name=order_summary.name)
    catch_up(newer.projection)
    append(sale.order_id, sale.paid)
    with pytest.raises(ProjectionError, check=lambda error: numbers_in(error) == [NEWER, order_summary.version]):
        catch_up(order_summary)
    assert OrderSummary.objects.get().status == "CREATED"
    assert not Rebuild.objects.exists()


def test_a_new_version_that_fails_holds_up_no_other_projection() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary, daily_sales)
    newer = Flaky(order_summary, version=NEWER, name=order_summary.name)
    newer.spoils[sale.order_id, 1] = fail
    with running_projections(newer.projection, daily_sales):
        append(sale.order_id, sale.paid)
        wait_until(lambda: stored_rows(daily_sales))
        wait_until(lambda: Rebuild.objects.filter(state=Rebuild.State.FAILED).exists())
    assert OrderSummary.objects.get().status == "CREATED"
    assert checkpoint_of(order_summary).version == order_summary.version
    assert Rebuild.objects.count() == 1


def test_a_worker_told_to_stop_does_not_finish_its_rebuild_first() -> None:
    append_many_events(3 * BATCH)
    catch_up(order_summary)
    newer = Flaky(order_summary, version=NEWER, name=order_summary.name)
    folding, told = Signal(), Signal()

    def hold(row: Any) -> None:
        folding.set()
        assert told.wait(DEADLINE_S)

    newer.spoils[sale.order_id, 1] = hold
    with running_projections(newer.projection) as stop:
        assert folding.wait(DEADLINE_S)
        stop.set()
        told.set()
    assert Rebuild.objects.get().state == Rebuild.State.RUNNING
    assert checkpoint_of(order_summary).version == order_summary.version
    assert not Checkpoint.objects.exclude(owner="").exists()
