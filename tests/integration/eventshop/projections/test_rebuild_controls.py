"""What operators can do to a rebuild: watch, pause, slow down, cancel, compare, switch by hand, undo, reset."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.projections import kept_rows, rebuild_controls, rebuild_run
from eventshop.projections.models import Checkpoint, DeadLetter, KeptRows, Rebuild
from eventshop.projections.personal_columns import erase_subject
from eventshop.projections.projection import projection_registry
from eventshop.projections.rebuild import pending_rebuilds, rebuild, request_rebuild
from eventshop.projections.rebuild_run import RebuildProgress
from eventshop.projections.rebuild_swap import create_like
from eventshop.projections.targets import discard, kept_table, rebuild_target
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.user_profile import user_profile
from tests.support.read_models import (
    append,
    assert_rows_equal_fold,
    catch_up,
    checkpoint_of,
    stored_rows,
)
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database", "no_rows_left")

sale, other = Sale(1), Sale(2)
State = Rebuild.State


@pytest.fixture
def no_rows_left(clean_database: None) -> None:
    discard(rebuild_target(order_summary))
    kept_rows.forget(order_summary)


def run(on_progress: Callable[[RebuildProgress], None] = lambda progress: None) -> Rebuild:
    return rebuild(order_summary, DatabaseEventLog(), requested_by="ada", on_progress=on_progress)


def request(**options: Any) -> Rebuild:
    return request_rebuild("order-summary", requested_by="ada", reason="to see", **options)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process reads the operator's word after each batch of two events."""
    monkeypatch.setattr(rebuild_run, "BATCH", 2)
    monkeypatch.setattr(rebuild_run, "REPORT_INTERVAL_S", 0.0)


@pytest.fixture
def tampered(no_rows_left: None) -> None:
    """Two orders, and a row that is not what the events say."""
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    append(other.order_id, other.created)
    catch_up(order_summary)
    OrderSummary.objects.filter(pk=sale.order_id).update(reference="tampered")


@pytest.mark.usefixtures("small_batches", "tampered")
def test_a_paused_rebuild_keeps_what_it_has_folded_and_goes_on_from_there() -> None:
    job = request()
    assert run(lambda progress: rebuild_controls.pause(Rebuild.objects.get(pk=job.pk))).state == State.PAUSED
    job.refresh_from_db()
    assert job.events == 2
    assert job.head - job.position == 2
    assert pending_rebuilds() == []
    assert run().state == State.PAUSED  # nobody goes on with it
    rebuild_controls.resume(job)
    assert pending_rebuilds() == [job]
    events: list[int] = []
    assert run(lambda progress: events.append(progress.events)).state == State.DONE
    assert events == [2]
    assert Rebuild.objects.get().events == 4


@pytest.mark.usefixtures("small_batches", "tampered")
def test_a_cancelled_rebuild_leaves_the_live_rows_and_nothing_else() -> None:
    job = request()
    assert run(lambda progress: rebuild_controls.cancel(Rebuild.objects.get(pk=job.pk))).state == State.CANCELLED
    assert OrderSummary.objects.filter(reference="tampered").exists()
    assert rebuild_target(order_summary).table.name not in connection.introspection.table_names()
    assert not Checkpoint.objects.filter(projection__contains=":").exists()
    with pytest.raises(ProjectionError, match="is cancelled and cannot be paused"):
        rebuild_controls.pause(job)
    assert (request().pk, run().state) != (job.pk, State.CANCELLED)


@pytest.mark.usefixtures("small_batches", "tampered")
def test_what_waits_is_cancelled_without_a_process() -> None:
    job = request()
    run(lambda progress: rebuild_controls.pause(Rebuild.objects.get(pk=job.pk)))
    rebuild_controls.cancel(job)
    assert rebuild_target(order_summary).table.name not in connection.introspection.table_names()
    engine = Rebuild.objects.create(projection="order-summary", requested_by="engine", requested_at=timezone.now())
    with pytest.raises(ProjectionError, match="pause it"):
        rebuild_controls.cancel(engine)


def test_a_throttled_rebuild_takes_its_time() -> None:
    append(sale.order_id, sale.created, *[sale.requested] * 9)
    job = request(events_per_s=20)
    started = monotonic()
    assert run().state == State.DONE
    assert monotonic() - started >= 0.5
    with pytest.raises(InvalidMessage):
        rebuild_controls.throttle(job, 0)
    job = request()
    rebuild_controls.throttle(job, None)
    assert Rebuild.objects.get(pk=job.pk).events_per_s is None


@pytest.mark.usefixtures("tampered")
def test_a_switch_by_hand_waits_with_its_comparison() -> None:
    job = request(by_hand=True)
    assert run().state == State.READY
    job.refresh_from_db()
    assert (job.added, job.changed, job.removed) == (0, 1, 0)
    [[key, columns]] = json.loads(job.examples)
    assert (key, list(columns), columns["reference"][0]) == (str(sale.order_id), ["reference"], "tampered")
    assert OrderSummary.objects.filter(reference="tampered").exists()
    assert pending_rebuilds() == []
    append(other.order_id, other.paid)
    catch_up(order_summary)  # the live rows go on meanwhile
    rebuild_controls.switch(job, by="grace")
    assert pending_rebuilds() == [job]
    assert run().state == State.DONE
    assert Rebuild.objects.get().switched_by == "grace"
    assert_rows_equal_fold(order_summary)
    with pytest.raises(ProjectionError, match="is done and cannot be switched"):
        rebuild_controls.switch(job, by="grace")


@pytest.mark.usefixtures("tampered")
def test_a_switch_is_undone_with_what_has_happened_since() -> None:
    job = run()
    assert_rows_equal_fold(order_summary)
    append(sale.order_id, sale.delivered)
    catch_up(order_summary)
    undo = kept_rows.request_undo(job, requested_by="grace", reason="the old ones were right")
    assert run().pk == undo.pk
    row = OrderSummary.objects.get(pk=sale.order_id)
    assert (row.reference, row.status) == ("tampered", "DELIVERED")
    assert checkpoint_of(order_summary).position == newest_position()
    assert not KeptRows.objects.exists()
    append(other.order_id, other.paid)
    catch_up(order_summary)
    assert OrderSummary.objects.get(pk=other.order_id).status == "PAID"
    with pytest.raises(ProjectionError, match="are not kept"):
        kept_rows.request_undo(job, requested_by="grace", reason="once more")


@pytest.mark.usefixtures("tampered")
def test_dead_letters_come_back_with_the_rows_that_had_them() -> None:
    DeadLetter.objects.create(
        projection="order-summary",
        aggregate_id=other.order_id,
        aggregate_type="Order",
        position=4,
        version=1,
        event_id=other.order_id,
        event_type="OrderCreated",
        error="it was broken",
        parked_at=timezone.now(),
    )
    Checkpoint.objects.update(parked=1)
    job = run()
    assert (DeadLetter.objects.count(), checkpoint_of(order_summary).parked) == (0, 0)
    kept_rows.request_undo(job, requested_by="grace", reason="to compare")
    assert run().state == State.DONE
    assert DeadLetter.objects.get().projection == "order-summary"
    assert checkpoint_of(order_summary).parked == 1


@pytest.mark.usefixtures("tampered")
def test_rows_are_kept_as_long_as_the_setting_says(settings: Any) -> None:
    settings.REBUILDS_UNDO_HOURS = 0
    run()
    assert not KeptRows.objects.exists()
    settings.REBUILDS_UNDO_HOURS = 2
    OrderSummary.objects.update(reference="tampered again")
    job = run()
    assert KeptRows.objects.get().kept_until > timezone.now() + timedelta(hours=1)
    kept_rows.forget_expired()
    KeptRows.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    kept_rows.forget_expired()
    assert kept_table(order_summary).name not in connection.introspection.table_names()
    with pytest.raises(ProjectionError, match="are not kept"):
        kept_rows.request_undo(job, requested_by="grace", reason="too late")
    with pytest.raises(InvalidMessage):
        kept_rows.request_undo(job, requested_by="grace", reason=" ")


def test_an_erasure_reaches_the_rows_that_are_kept() -> None:
    """In the tables of an undo and of a rebuild as in the live one."""
    kept = kept_table(user_profile)
    create_like(kept)
    row, person = user_profile.new_row(sale.order_id), sale.order_id
    row.last_event_id, row.last_version, row.last_partition, row.last_offset = person, 1, 0, 1
    row.name, row.created_at, row.updated_at = "Ada Lovelace", timezone.now(), timezone.now()
    kept.save([row])
    assert erase_subject(person, projection_registry) == 1
    assert kept.load([person])[person].name == ""
    kept_rows.forget(user_profile)


@pytest.mark.usefixtures("small_batches", "tampered")
def test_a_reset_folds_up_to_a_position_and_the_worker_goes_on_from_there() -> None:
    first = StoredEvent.objects.order_by("position")[0].position
    request(up_to=first)
    assert run().state == State.DONE
    [row] = stored_rows(order_summary).values()
    assert (row["status"], checkpoint_of(order_summary).position) == ("CREATED", first)
    assert catch_up(order_summary) == 3
    assert_rows_equal_fold(order_summary)
