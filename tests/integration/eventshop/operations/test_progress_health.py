"""Health is progress: each part is judged by how far it is behind, since when, and what it has set aside."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.messaging.kafka import topics
from eventshop.messaging.models import AcknowledgedRecord, RelayCheckpoint
from eventshop.operations import event_ledger, tasks
from eventshop.operations.event_ledger import LedgerOpen
from eventshop.operations.health_checks import ComponentHealth, check_components, check_relay
from eventshop.operations.models import PartitionTally, PeriodicWork
from eventshop.operations.objectives import Objective, Progress, State
from eventshop.operations.projection_health import check_projections, check_unreadable_records, measure_projections
from eventshop.operations.saga_health import check_sagas
from eventshop.operations.work_health import check_effects, check_erasures, check_periodic_jobs, check_timers
from eventshop.operations.worker_health import check_workers
from eventshop.privacy.models import Erasure
from eventshop.projections.models import Checkpoint, DeadLetter, UnreadableRecord
from eventshop.runtime.process_heartbeat import SILENT_AFTER
from eventshop.sagas.models import Timer
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks.webhook_health import check_webhooks
from projections.order_summary import order_summary
from tests.support.celery_workers import Celery
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.order_fulfilment import receive_stock
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

NOW = timezone.now()
sale = Sale(1)


def ago(seconds: float) -> Any:
    return Now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("progress", "state"),
    [
        (Progress(), State.OK),
        (Progress(5, 9.0), State.OK),
        (Progress(5, 11.0, moved_at=NOW), State.DEGRADED),
        (Progress(5, 500.0, moved_at=NOW), State.DEGRADED),  # it catches up
        (Progress(5, 31.0), State.FAILING),
        (Progress(5, 40.0, moved_at=NOW - timedelta(seconds=31)), State.FAILING),
        (Progress(0, 0.0, 2, NOW - timedelta(days=1)), State.OK),
        (Progress(0, 0.0, 3, NOW), State.DEGRADED),
    ],
)
def test_late_is_degraded_late_and_still_is_failing(progress: Progress, state: State) -> None:
    assert progress.state(Objective(10, 2), now=NOW) is state


def test_a_component_is_as_bad_as_its_worst_part() -> None:
    bad = ComponentHealth("a", False, "", is_failing=False)
    assert ComponentHealth("x", True, "", parts=(bad,)).state is State.DEGRADED
    assert ComponentHealth("x", False, "", False, parts=(bad, bad._replace(is_failing=True))).state is State.FAILING


def test_a_relay_that_leads_and_publishes_nothing_fails(settings: Any) -> None:
    settings.KAFKA_OPTIONS = {"bootstrap_servers": ["127.0.0.1:1"]}
    RelayCheckpoint.objects.create(topic=topics.event_store_topic(), owner="r", leased_until=ago(-60))
    assert check_relay().state is State.OK
    receive_stock("mug", 1)
    assert check_relay().state is State.OK
    settings.HEALTH_LAG_S = 0
    health = check_relay()
    assert (health.state, health.progress and health.progress.behind) == (State.FAILING, 1)
    RelayCheckpoint.objects.update(leased_until=ago(1))
    assert "no process leads" in check_relay().detail
    settings.HEALTH_LAG_S = 20
    assert check_relay().state is State.FAILING  # it is nobody's lead that fails, however little waits


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def part(name: str) -> ComponentHealth:
    return next(part for part in check_projections().parts if part.name == name)


def test_a_projection_tells_its_lag_its_dead_letters_and_its_own_objective(flaky: Flaky, settings: Any) -> None:
    catch_up(flaky.projection)
    append(sale.order_id, sale.created)
    Checkpoint.objects.update(polled_at=Now())
    settings.HEALTH_LAG_S = 0
    assert part("flaky").state is State.FAILING  # it has never moved
    settings.PROJECTION_OBJECTIVES = {"flaky": (60, 0)}
    assert part("flaky").state is State.OK
    flaky.spoils[sale.order_id, 1] = fail
    catch_up(flaky.projection)
    assert DeadLetter.objects.count() == 1
    assert (part("flaky").state, part("flaky").detail) == (State.DEGRADED, "1 set aside")
    settings.PROJECTION_OBJECTIVES = {"flaky": (60, 1)}
    assert part("flaky").ok


def test_a_projection_that_nobody_runs_or_that_is_paused_or_rebuilt(flaky: Flaky) -> None:
    catch_up(flaky.projection)
    Checkpoint.objects.update(polled_at=ago(25), advanced_at=ago(25))
    assert part("flaky").detail == "nobody runs it"
    Checkpoint.objects.update(advanced_at=ago(1))  # a long batch has just committed
    assert part("flaky").ok
    Checkpoint.objects.update(version=7)
    assert not part("flaky").ok and part("flaky").state is State.DEGRADED
    Checkpoint.objects.update(paused=True)
    assert (part("flaky").ok, part("flaky").detail) == (True, "paused")


def test_the_ledger_counts_once_and_sees_an_event_too_many_or_too_few(flaky: Flaky) -> None:
    append(sale.order_id, sale.created, sale.paid)
    flaky.spoils[sale.order_id, 2] = fail
    catch_up(flaky.projection)
    assert "fetched once" in tasks.close_ledger()
    [tally] = PartitionTally.objects.all()
    assert tally.events == 2
    append(sale.order_id, sale.shipped, sale.delivered)
    tasks.close_ledger()
    [lagging] = measure_projections()
    assert (lagging.progress.behind, lagging.ledger_difference) == (2, 0)
    assert lagging.progress.behind_s > 0
    catch_up(flaky.projection)
    tasks.close_ledger()
    for change in ({"events": 1}, {"parked": 0}):
        before = Checkpoint.objects.values("events", "parked").get()
        Checkpoint.objects.update(**change)
        with pytest.raises(LedgerOpen, match="flaky/0: 4 appended"):
            tasks.close_ledger()
        assert "its ledger does not close" in part("flaky").detail
        Checkpoint.objects.update(**before)
    tasks.close_ledger()


def test_a_batch_that_commits_while_health_reads_opens_no_ledger(flaky: Flaky) -> None:
    """The checkpoint is read before the dead letters, so one reading alone sees one dead letter too many."""
    append(sale.order_id, sale.created)
    catch_up(flaky.projection)
    append(sale.order_id, sale.paid)
    flaky.spoils[sale.order_id, 2] = fail

    batches = [flaky.projection]

    def commit_a_batch(execute: Any, sql: str, *args: Any) -> Any:
        if DeadLetter._meta.db_table in sql and batches:
            catch_up(batches.pop())
        return execute(sql, *args)

    with connection.execute_wrapper(commit_a_batch):
        [measured] = measure_projections()
    assert (DeadLetter.objects.count(), measured.progress.set_aside, measured.ledger_difference) == (1, 1, 0)


def test_more_events_than_a_window_holds_leave_the_ledger_unknown_and_the_lag_seen(
    flaky: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as after an import. The window used to end before the table, so what was fetched did not add up."""
    tasks.close_ledger()
    monkeypatch.setattr(event_ledger, "WINDOW", 3)
    append(sale.order_id, sale.created, sale.paid, sale.shipped, sale.delivered)
    catch_up(flaky.projection)
    [up_to_date] = [one for one in measure_projections() if one.name == "flaky"]
    assert (up_to_date.ledger_difference, up_to_date.progress.behind) == (0, 0)
    append(Sale(2).order_id, Sale(2).created)
    [behind] = [one for one in measure_projections() if one.name == "flaky"]
    assert (behind.ledger_difference, behind.progress.behind) == (0, 1)


def test_an_event_without_a_router_and_a_late_timer_and_effect_are_seen(settings: Any) -> None:
    settings.HEALTH_LAG_S = 20
    for seconds, state in ((10, State.OK), (30, State.DEGRADED), (90, State.FAILING)):
        Timer.objects.all().delete()
        Timer.objects.create(key="t", due_at=ago(seconds), looked_at_from=ago(seconds))
        assert check_timers().state is state
    assert check_sagas().state is State.FAILING
    assert next(part for part in check_sagas().parts if not part.ok).name == "timers"
    Timer.objects.update(looked_at_from=ago(-60), attempts=3)
    assert (check_timers().state, check_timers().detail) == (State.DEGRADED, "1 set aside")
    assert check_effects().ok


def test_a_webhook_that_nobody_sends_an_erasure_that_stopped_and_a_job_that_failed(admin_user: Any) -> None:
    endpoint = WebhookEndpoint.objects.create(owner=admin_user, url="https://example.org/")
    kept = {"endpoint": endpoint, "event_type": "E", "position": 1}
    WebhookDelivery.objects.create(id=new_id(), due_at=ago(90), **kept)
    assert check_webhooks().state is State.FAILING
    Erasure.objects.create(subject=new_id(), step="scan", problem="KeyError")
    assert check_erasures().state is State.DEGRADED
    PeriodicWork.objects.create(name="verify", due_at=ago(-60), finished_at=ago(5), failed=True, said="3 faults")
    assert (check_periodic_jobs().state, check_periodic_jobs().detail) == (State.DEGRADED, "verify failed: 3 faults")
    PeriodicWork.objects.update(due_at=ago(1000), finished_at=ago(2000), failed=False)
    assert check_periodic_jobs().state is State.FAILING and "is beat running" in check_periodic_jobs().detail


def test_a_record_of_a_stranger_is_reported_once_until_it_is_acknowledged() -> None:
    place: dict[str, Any] = {"topic": "event-store", "partition": 1, "offset": 7}
    for projection in ("one", "other"):
        UnreadableRecord.objects.create(projection=projection, error="no event", found_at=ago(5), **place)
    assert (check_unreadable_records().state, check_unreadable_records().detail) == (
        State.DEGRADED,
        "1 not acknowledged",
    )
    AcknowledgedRecord.objects.create(**place, topic_id=new_id(), digest="", error="", reason="", operator="x")
    assert check_unreadable_records().ok


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_the_command_tells_by_its_status(arguments: tuple[str, ...]) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("health", *arguments, stdout=out)
    assert ended.value.code == 2  # nobody runs projections
    if arguments:
        found = {part["name"]: part["state"] for part in json.loads(out.getvalue())["parts"]}
        assert (found["database"], found["projections"]) == ("ok", "failing")
    else:
        assert "event router" in out.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_a_worker_that_is_frozen_or_killed_is_seen_by_its_silence_and_by_what_waits(
    fault: signal.Signals, tmp_path: Path, database_url: str
) -> None:
    """The process holds leases and does nothing. Health must not depend on the process to say so."""
    assert timedelta(seconds=30) > SILENT_AFTER
    celery = Celery(tmp_path, database_url)
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
        worker.wait_until(lambda: all(part.ok for part in check_components()))
        worker.process.send_signal(fault)
        receive_stock("mug", 5)
        wait_until(lambda: not check_workers().ok)
        wait_until(lambda: check_projections().state is State.FAILING)
        wait_until(lambda: all("nobody runs it" in part.detail for part in check_projections().parts))
        wait_until(lambda: not next(part for part in check_sagas().parts if part.name == "event router").ok)
        if fault is signal.SIGSTOP:
            worker.process.send_signal(signal.SIGCONT)
            worker.wait_until(lambda: all(part.ok for part in check_components()))
