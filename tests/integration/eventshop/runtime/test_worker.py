"""A real Celery worker that hosts projections: it projects, it stops cleanly, and no message matters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.projections import rebuild
from eventshop.projections.models import Checkpoint, Rebuild, Worker
from eventshop.projections.projection import projection_registry
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.watchdog import EXIT_CODE_HANGING
from eventshop.sagas import timers
from eventshop.sagas.models import PartitionLease, SagaWorker
from orders.domain.commands import WriteOffStock
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.conftest import BASE_DIR
from tests.support.celery_workers import Celery
from tests.support.order_fulfilment import load_order, load_stock, place_order, receive_stock
from tests.support.read_models import append, append_order_histories, assert_rows_equal_fold, catch_up
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

sale = Sale(1)


@pytest.fixture
def celery(tmp_path: Path, database_url: str) -> Celery:
    return Celery(tmp_path, database_url)


def everything_is_folded() -> bool:
    head = StoredEvent.objects.latest("position").position
    return Checkpoint.objects.filter(position=head).count() == len(projection_registry.select([]))


def process_owners(table: type[Checkpoint] | type[Worker]) -> set[str]:
    """The process ids in the owners' names: `host:pid:token`, or `host:pid:token/projection` for a separate thread."""
    owners = table.objects.values_list("owner", flat=True)
    return {owner.split(":")[-2] for owner in owners}


def leases_left(rows: QuerySet[Checkpoint] | QuerySet[PartitionLease]) -> list[str]:
    """The owners of leases that were not released. A lease that merely expires keeps its owner and its time."""
    return [row.owner for row in rows if row.owner or row.leased_until]


def test_a_worker_projects_what_happens_and_stops_cleanly(celery: Celery) -> None:
    append_order_histories(Random(1), range(10))
    with celery.worker() as worker:
        worker.wait_until(everything_is_folded)
        assert process_owners(Checkpoint) == {str(worker.process.pid)}
        append_order_histories(Random(2), range(10, 20))
        append(sale.order_id, sale.created, sale.paid)
        worker.wait_until(everything_is_folded)
        assert_rows_equal_fold()
        assert len(leases_left(Checkpoint.objects.all())) == Checkpoint.objects.count()
        [process] = WorkerProcess.objects.all()
        assert process.threads and all(state["alive"] for state in process.threads.values())
        worker.stop()
    assert not leases_left(Checkpoint.objects.all()) and not Worker.objects.exists()
    assert not WorkerProcess.objects.exists()
    assert "Traceback" not in worker.log


def test_a_worker_projects_those_it_is_told_to(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    with celery.worker("order-summary, daily-sales") as worker:
        worker.wait_until(OrderSummary.objects.exists)
        worker.wait_until(lambda: Checkpoint.objects.filter(position=1).count() == 2)
    assert set(Checkpoint.objects.values_list("projection", flat=True)) == {"order-summary", "daily-sales"}


def test_a_worker_told_to_run_nonsense_says_so_and_ends(celery: Celery) -> None:
    with celery.worker("order-summary,nonsense") as worker:
        assert wait_for_exit(worker.process, log=worker.log_file) == 1, worker.log
        assert "nonsense" in worker.log
        assert "order-summary" in worker.log.partition("known")[2]
    assert not Checkpoint.objects.exists()


def test_a_rebuild_is_done_without_any_message(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    OrderSummary.objects.update(reference="tampered")
    # Asked for before this projection was removed; it must not stand in the other one's way.
    gone = Rebuild.objects.create(projection="gone", requested_by="ada", requested_at=timezone.now())
    job = rebuild.request_rebuild(order_summary.name, requested_by="ada", reason="drift")
    with celery.worker() as worker:
        done = Rebuild.objects.filter(pk=job.pk, state=Rebuild.State.DONE)
        worker.wait_until(done.exists)
    assert (done.get().changed, done.get().requested_by) == (1, "ada")
    assert OrderSummary.objects.get().reference == sale.reference
    gone.refresh_from_db()
    assert (gone.state, "UnknownProjection" in gone.error) == (Rebuild.State.FAILED, True)


def test_messages_that_make_no_sense_stop_nothing(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    celery.send("no.such.task")
    celery.send("eventshop.operations.tasks.look_for_rebuilds", 1, "too", "many")
    celery.send("eventshop.operations.tasks.look_for_rebuilds")
    with celery.worker() as worker:
        worker.wait_until(lambda: not list(celery.messages.glob("*.msg")))
        worker.wait_for("no.such.task")
        append(sale.order_id, sale.paid)
        worker.wait_until(everything_is_folded)
    assert_rows_equal_fold()


def test_a_torn_message_costs_a_restart_and_nothing_else(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    (celery.messages / "1_torn.celery.msg").write_text('{"body": "W1tdLCB7')
    with celery.worker() as worker:
        # Kombu cannot read the message and gives up.
        assert wait_for_exit(worker.process, log=worker.log_file) != 0, worker.log
    assert not Checkpoint.objects.exclude(owner="").exists()
    append(sale.order_id, sale.paid)
    with celery.worker() as worker:
        worker.wait_until(everything_is_folded)
    assert_rows_equal_fold()


def test_without_a_broker_projecting_goes_on(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    with celery.worker(broker="amqp://guest:guest@127.0.0.1:9//") as worker:
        worker.wait_for("Cannot connect to amqp")
        append(sale.order_id, sale.paid)
        worker.wait_until(everything_is_folded)
        job = rebuild.request_rebuild(order_summary.name, requested_by="ada", reason="")
        worker.wait_until(Rebuild.objects.filter(pk=job.pk, state=Rebuild.State.DONE).exists)
        worker.stop()
    assert_rows_equal_fold()
    assert not leases_left(Checkpoint.objects.all())


def test_two_workers_share_the_projections_and_one_takes_over_from_the_other(celery: Celery) -> None:
    append_order_histories(Random(3), range(20))
    with celery.worker(name="one") as one, celery.worker(name="two") as two:
        wait_until(lambda: len(process_owners(Worker)) == 2, seen=lambda: one.log + two.log)
        for number in range(20, 40):
            append_order_histories(Random(number), [number])
        wait_until(everything_is_folded, seen=lambda: one.log + two.log)
        assert_rows_equal_fold()
        one.stop()
        append_order_histories(Random(4), range(40, 50))
        two.wait_until(everything_is_folded)
        assert process_owners(Checkpoint) == {str(two.process.pid)}
    assert_rows_equal_fold()


@pytest.mark.postgres
def test_a_worker_outlives_a_database_that_hangs_up_on_everybody(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    with celery.worker() as worker:
        worker.wait_until(everything_is_folded)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        append(sale.order_id, sale.paid, sale.shipped)
        job = rebuild.request_rebuild(order_summary.name, requested_by="ada", reason="")
        worker.wait_until(Rebuild.objects.filter(pk=job.pk, state=Rebuild.State.DONE).exists)
        worker.wait_until(everything_is_folded)
    assert_rows_equal_fold()


@pytest.mark.postgres
def test_a_worker_whose_batch_hangs_ends_so_that_it_is_started_again(celery: Celery) -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    append(sale.order_id, sale.paid)
    hanging = (
        "import django; django.setup()\n"
        "from threading import Event\n"
        "from eventshop.messaging.database_event_log import DatabaseEventLog\n"
        "from eventshop.runtime.watchdog import Watchdog\n"
        "from eventshop.projections.projection import projection_registry\n"
        "from eventshop.projections.runner import ProjectionRunner\n"
        "projection = projection_registry.get('order-summary')\n"
        "ProjectionRunner([projection], DatabaseEventLog(), watchdog=Watchdog(), hanging_s=1).catch_up()"
    )
    with transaction.atomic():
        Checkpoint.objects.select_for_update().get(projection="order-summary")  # and never lets go of it
        ended = subprocess.run(
            [sys.executable, "-c", hanging],
            cwd=BASE_DIR,
            env=celery.environment,
            capture_output=True,
            timeout=DEADLINE_S,
        )
    assert ended.returncode == EXIT_CODE_HANGING
    assert b"a batch hangs" in ended.stderr


def test_a_worker_runs_sagas_and_timers_and_gives_back_what_it_held(celery: Celery) -> None:
    """Nobody pays the order: its goods are set aside until the deadline, and it is cancelled."""
    receive_stock("mug", 5)
    order_id = place_order(("mug", 4))
    timers.set_timer("count", due=timezone.now(), command=WriteOffStock("mug", 1, "broken", "COUNT"))
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
        worker.wait_until(lambda: load_order(order_id).status == "CANCELLED")
        worker.wait_until(lambda: load_stock("mug").written_off == 1)
        # What was set aside comes back once the order is cancelled.
        worker.wait_until(lambda: load_stock("mug").on_hand == 4)
        worker.stop()
    assert not leases_left(PartitionLease.objects.all()) and not SagaWorker.objects.exists()
    assert "Traceback" not in worker.log


@pytest.mark.postgres
def test_a_worker_without_a_pool_of_threads_works_and_ends_as_any_other(celery: Celery) -> None:
    append_order_histories(Random(1), range(10))
    with celery.worker("all", "one", "filesystem://", "--sagas", "--pool", "solo") as worker:
        worker.wait_until(everything_is_folded)
        worker.stop()
    assert not leases_left(Checkpoint.objects.all()) and not WorkerProcess.objects.exists()


@pytest.mark.postgres
def test_a_worker_with_everything_holds_few_connections(celery: Celery) -> None:
    """At most those of its pool, and one for wake signals."""
    celery.environment["PGAPPNAME"] = "pooled"
    receive_stock("mug", 50)
    placed = []
    for number in range(20):
        append_order_histories(Random(number), [number])
        placed.append(place_order(("mug", 1)))
    most = 0
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker, connection.cursor() as cursor:

        def is_done() -> bool:
            nonlocal most
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled'")
            most = max(most, cursor.fetchone()[0])
            return everything_is_folded() and {load_order(order).status for order in placed} == {"CANCELLED"}

        worker.wait_until(is_done)
        worker.stop()
    assert 1 <= most <= 7
