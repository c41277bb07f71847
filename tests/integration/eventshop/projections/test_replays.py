"""Staff request read models as they were, or as today's code would make them, and look at the results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from random import Random
from threading import Event
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError, UnknownProjection
from eventshop.projections import rebuild, replays
from eventshop.projections.models import Rebuild, Replay, ReplayedRow
from eventshop.projections.projection import projection_registry
from eventshop.runtime.process_name import process_name
from orders.domain.events import OrderShipped
from projections.models import DailySales, OrderSummary
from projections.order_summary import order_summary
from tests.support.command_output import numbers_in
from tests.support.database import dump_database
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.raised import with_data
from tests.support.read_models import append, append_order_histories, catch_up
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)
LATER = datetime(2999, 1, 1, tzinfo=UTC)


def stored_result(job: Replay) -> list[dict[str, Any]]:
    return [json.loads(row.columns) for row in ReplayedRow.objects.filter(replay=job).order_by("number")]


def run_to_end(job: Replay) -> Replay:
    job = replays.run_replay(job)
    assert job.state == "done", job.error
    return job


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def test_daily_sales_as_it_was_is_what_it_says_now_if_nothing_came_since() -> None:
    append_order_histories(Random(3), range(12))
    catch_up(projection_registry.get("daily-sales"))
    job = run_to_end(replays.request_as_of("daily-sales", timezone.now(), requested_by="ada"))
    live = {row.pk: (row.orders, row.net) for row in DailySales.objects.all()}
    assert {row["key"]: (row["orders"], Decimal(row["net"])) for row in stored_result(job)} == live
    assert (job.rows, job.leased_until, job.requested_by) == (len(live), None, "ada")
    append_order_histories(Random(4), range(100, 110))
    again = run_to_end(replays.request_as_of("daily-sales", job.requested_at, requested_by="ada"))
    assert stored_result(again) == stored_result(job)


def test_business_time_and_recorded_time_are_two_questions() -> None:
    append(sale.order_id, sale.created, sale.paid)
    before = timezone.now() - timedelta(days=1)
    assert run_to_end(replays.request_as_of("daily-sales", before, requested_by="ada")).rows == 0
    assert run_to_end(replays.request_as_of("daily-sales", before, happened=True, requested_by="ada")).rows == 0
    assert run_to_end(replays.request_as_of("daily-sales", LATER, happened=True, requested_by="ada")).rows == 1


def test_one_row_of_a_read_model_is_folded_alone() -> None:
    for one in (sale, other):
        append(one.order_id, one.created)
    job = run_to_end(replays.request_as_of("order-summary", LATER, key=str(sale.order_id), requested_by="ada"))
    [row] = stored_result(job)
    assert (row["order_id"], row["status"]) == (str(sale.order_id), "CREATED")


def test_no_personal_value_is_stored_a_second_time() -> None:
    from eventshop.eventstore.command_dispatcher import send
    from orders.domain.commands import CreateOrder

    send(CreateOrder(sale.order_id, "1", None, sale.lines, delivery_name="Zz-Marker"))
    [row] = stored_result(run_to_end(replays.request_as_of("order-summary", LATER, requested_by="ada")))
    assert not set(OrderSummary.personal) & row.keys()
    assert "Zz-Marker" not in dump_database()


def test_what_today_s_code_would_change_is_told_and_kept_with_the_rebuild(flaky: Flaky) -> None:
    for one in (sale, other):
        append(one.order_id, one.created, one.paid, one.shipped)
    catch_up(flaky.projection)

    @flaky.projection.on(OrderShipped, key=lambda event: event.order_id)
    def shouted(row: OrderSummary, event: OrderShipped, meta: Any) -> None:
        row.carrier = str(event.carrier).upper()

    assert replays.latest_dry_run("flaky") is None
    dry_run_request = replays.request_dry_run("flaky", requested_by="ada")
    assert replays.request_dry_run("flaky", requested_by="bob").pk == dry_run_request.pk
    job = run_to_end(dry_run_request)
    assert (job.events, job.added, job.changed, job.removed, job.failed) == (6, 0, 2, 0, 0)
    assert stored_result(job)[0] == {"carrier": ["(personal)", "(personal)"]}
    request = rebuild.request_rebuild(
        "flaky", requested_by="ada", reason="louder", dry_run=replays.latest_dry_run("flaky")
    )
    assert (request.foreseen_changed, request.foreseen_at) == (2, job.finished_at)


def test_a_rebuild_on_the_command_line_looks_first_and_stops_before_events_are_set_aside(flaky: Flaky) -> None:
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    OrderSummary.objects.update(status="DELIVERED")
    out = StringIO()
    call_command("rebuild_projection", "flaky", look_first=True, stdout=out)
    dry_run_line = out.getvalue().splitlines()[0]
    assert ("flaky" in dry_run_line, numbers_in(dry_run_line)) == (True, [0, 1, 0, 0])
    job = Rebuild.objects.get()
    assert (job.state, job.changed, job.foreseen_changed) == ("done", 1, 1)
    flaky.spoils[sale.order_id, 1] = fail
    with pytest.raises(CommandError, match=r"OrderCreated .*\b1: Broken: "):
        call_command("rebuild_projection", "flaky", look_first=True, stdout=out)
    assert Rebuild.objects.count() == 1


def test_events_that_would_fail_are_told(flaky: Flaky) -> None:
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    flaky.spoils[sale.order_id, 1] = fail
    job = run_to_end(replays.request_dry_run("flaky", requested_by="ada"))
    assert (job.failed, job.removed) == (1, 1)
    assert ("OrderCreated" in job.error, numbers_in(job.error)[:1]) == (True, [1])


def test_a_question_that_makes_no_sense_leaves_nothing() -> None:
    with pytest.raises(UnknownProjection):
        replays.request_as_of("nothing", LATER, requested_by="ada")
    naive = datetime(2026, 1, 31)
    with pytest.raises(InvalidMessage, check=with_data(as_of=naive)):
        replays.request_as_of("daily-sales", naive, requested_by="ada")
    assert not Replay.objects.exists()


def test_one_that_fails_says_why_and_stops_no_other(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    first = replays.request_as_of("flaky", LATER, requested_by="ada")
    second = replays.request_as_of("daily-sales", LATER, requested_by="ada")
    for job in replays.pending_replays():
        replays.run_replay(job)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("failed", "done")
    assert "Broken" in first.error
    assert replays.pending_replays() == []


def test_what_a_worker_that_died_had_begun_is_begun_again() -> None:
    job = replays.request_as_of("daily-sales", LATER, requested_by="ada")
    now = timezone.now()
    Replay.objects.update(state="running", owner="dead", leased_until=now + replays.LEASE)
    assert replays.pending_replays() == []
    assert replays.run_replay(job).state == "running"
    Replay.objects.update(leased_until=now - timedelta(seconds=1))
    assert [run_to_end(replay).pk for replay in replays.pending_replays()] == [job.pk]


def test_one_that_waits_or_runs_is_cancelled_and_leaves_no_result(flaky: Flaky) -> None:
    append(sale.order_id, sale.created)
    waits = replays.request_as_of("flaky", LATER, requested_by="ada")
    replays.cancel(waits)
    assert replays.pending_replays() == []
    runs = replays.request_as_of("flaky", LATER, requested_by="ada")
    flaky.spoils[sale.order_id, 1] = lambda row: replays.cancel(runs)
    ended = replays.run_replay(runs)
    assert (ended.state, ended.found.count(), ended.error) == ("cancelled", 0, "")
    with pytest.raises(ProjectionError, match="is cancelled and cannot"):
        replays.cancel(runs)


def test_a_worker_hears_with_its_progress_that_its_replay_is_cancelled() -> None:
    job = replays.request_as_of("daily-sales", LATER, requested_by="ada")
    Replay.objects.update(state="running", owner=process_name())
    heard = Event()
    replays._record_progress(job.pk, 1, heard)
    assert (Replay.objects.get().position, heard.is_set()) == (1, False)
    replays.cancel(job)
    replays._record_progress(job.pk, 2, heard)
    assert (Replay.objects.get().position, heard.is_set()) == (1, True)


def test_a_repair_that_has_begun_is_not_cancelled() -> None:
    job = replays.request_check("daily-sales", key="x", repair=True, requested_by="ada")
    Replay.objects.update(state="running")
    with pytest.raises(ProjectionError, match="is running"):
        replays.cancel(job)
