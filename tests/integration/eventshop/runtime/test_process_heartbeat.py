"""Worker processes report their threads; health and the console show what is wrong with them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from threading import Event as Signal
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from eventshop.operations.worker_health import check_workers
from eventshop.runtime import process_heartbeat
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.process_name import process_name
from eventshop.runtime.supervised_threads import start_threads
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

RUNNING = {"alive": True, "restarts": 0, "restarted_s_ago": None, "last_error": ""}


def add_process(owner: str = "host:1:a", silence: timedelta = timedelta(0), **threads: dict[str, Any]) -> None:
    seen_at = Now() - silence
    WorkerProcess.objects.create(owner=owner, started_at=Now(), seen_at=seen_at, threads=threads)


def run_until_stopped(stop: Signal) -> None:
    stop.wait(DEADLINE_S)


def test_a_process_reports_its_threads_until_it_stops() -> None:
    stop = Signal()
    threads = start_threads([("one", run_until_stopped)], stop)
    process_heartbeat.report(threads)
    try:
        wait_until(WorkerProcess.objects.exists)
        row = WorkerProcess.objects.get()
        assert (row.owner, row.threads) == (process_name(), {"one": RUNNING})
    finally:
        stop.set()
        threads[0].join(DEADLINE_S)
        process_heartbeat.withdraw(threads, DEADLINE_S)
    assert not WorkerProcess.objects.exists()


def test_a_process_takes_the_place_of_one_that_was_killed_here() -> None:
    host = process_name().rsplit(":", 2)[0]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    add_process(f"{host}:{ended.pid}:killed")
    add_process(f"{host}:{os.getppid()}:running")
    add_process("elsewhere:1:a")
    stop = Signal()
    threads = start_threads([("one", run_until_stopped)], stop)
    process_heartbeat.report(threads)
    try:
        wait_until(lambda: not WorkerProcess.objects.filter(owner__endswith="killed").exists())
        owners = set(WorkerProcess.objects.values_list("owner", flat=True))
        assert owners == {process_name(), f"{host}:{os.getppid()}:running", "elsewhere:1:a"}
    finally:
        stop.set()
        threads[0].join(DEADLINE_S)
        process_heartbeat.withdraw(threads, DEADLINE_S)


@pytest.mark.parametrize(
    ("silence", "state", "is_ok", "detail"),
    [
        (timedelta(0), RUNNING, True, "1 processes"),
        (timedelta(seconds=21), RUNNING, False, "1 processes; host:1:a: silent"),
        (
            timedelta(0),
            RUNNING | {"alive": False, "last_error": "KeyError: 'x'"},
            False,
            "1 processes; host:1:a: sagas is not running (KeyError: 'x')",
        ),
        (
            timedelta(0),
            RUNNING | {"restarts": 1, "restarted_s_ago": 59.0, "last_error": "KeyError: 'x'"},
            False,
            "1 processes; host:1:a: sagas was started again (KeyError: 'x')",
        ),
        (
            timedelta(0),
            RUNNING | {"restarts": 1, "restarted_s_ago": 61.0, "last_error": "KeyError"},
            True,
            "1 processes",
        ),
    ],
)
def test_health_says_what_is_wrong(silence: timedelta, state: dict[str, Any], is_ok: bool, detail: str) -> None:
    add_process(silence=silence, sagas=state, relay=RUNNING)
    assert check_workers()[:3] == ("workers", is_ok, detail)


def test_no_worker_at_all_is_no_fault_of_the_workers() -> None:
    assert check_workers()[:3] == ("workers", True, "0 processes")


def test_staff_see_the_processes(admin_client: Client) -> None:
    add_process("host:1:a", sagas=RUNNING)
    add_process("host:2:b", timedelta(minutes=2), sagas=RUNNING)
    page = admin_client.get("/admin/runtime/workerprocess/")
    rows = {row.owner: row.is_silent for row in page.context["cl"].result_list}
    assert rows == {"host:1:a": False, "host:2:b": True}
    assert "silent" in page.content.decode()
    assert admin_client.get("/admin/runtime/workerprocess/host_3A1_3Aa/change/").status_code == 200
