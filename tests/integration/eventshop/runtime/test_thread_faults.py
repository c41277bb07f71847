"""A fault that ends a thread of a live worker: the thread is started again, and in the end the whole process."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventshop.operations.worker_health import check_workers
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.supervised_threads import EXIT_CODE_THREADS
from eventshop.sagas.models import Saga
from tests.support.celery_workers import Celery
from tests.support.order_fulfilment import receive_stock
from tests.support.waiting import wait_for_exit


@pytest.fixture
def fault(tmp_path: Path) -> Path:
    """While this file exists, the thread of the sagas ends at the first event."""
    file = tmp_path / "fault"
    file.touch()
    return file


@pytest.fixture
def celery(tmp_path: Path, database_url: str, fault: Path, clean_database: None) -> Celery:
    celery = Celery(tmp_path, database_url)
    celery.environment |= {
        "DJANGO_SETTINGS_MODULE": "tests.support.faulty_worker_settings",
        "FAULT_FILE": str(fault),
    }
    return celery


def sagas_restarts() -> int:
    process = WorkerProcess.objects.first()
    return process.threads.get("sagas", {}).get("restarts", 0) if process else 0


def is_heard() -> bool:
    return Saga.objects.filter(kind="exiting").exists()


def test_a_thread_that_ends_is_started_again_counted_and_seen_in_health(celery: Celery, fault: Path) -> None:
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
        worker.wait_until(lambda: WorkerProcess.objects.exists() and check_workers().ok)
        receive_stock("mug", 5)
        worker.wait_until(lambda: sagas_restarts() >= 2)
        assert not check_workers().ok
        assert "SystemExit: a fault that ends the thread" in check_workers().detail
        fault.unlink()
        worker.wait_until(is_heard)
        worker.wait_until(lambda: WorkerProcess.objects.get().threads["sagas"]["alive"])
        worker.stop()
    assert "sagas ended unexpectedly, starting it again" in worker.log


def test_a_thread_that_ends_too_often_ends_its_process_and_the_next_one_goes_on(celery: Celery, fault: Path) -> None:
    celery.environment["THREAD_END_LIMIT"] = "3"
    receive_stock("mug", 5)
    with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
        assert wait_for_exit(worker.process, log=worker.log_file) == EXIT_CODE_THREADS, worker.log
    assert "sagas ended 3 times" in worker.log
    assert not is_heard()
    fault.unlink()
    with celery.worker("all", "two", "filesystem://", "--sagas") as worker:
        worker.wait_until(is_heard)
        worker.stop()
