"""Periodic jobs run once per period, in one process, and their results are shown to staff."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.contrib.sessions.models import Session
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.celery import app
from eventshop.core.errors import TailBusy
from eventshop.operations import tasks
from eventshop.operations.models import PeriodicWork
from eventshop.operations.periodic_jobs import LEASE, RETRY_AFTER, PeriodicJob, run_due_jobs
from tests.support.staff import clerk
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

DAY = timedelta(days=1)


def counting_job(times: list[str], *, name: str = "count", every: timedelta = DAY) -> PeriodicJob:
    def work() -> str:
        times.append(name)
        return f"{len(times)} times"

    return PeriodicJob(name, every, work)


def test_due_work_is_done_once_a_period() -> None:
    times: list[str] = []
    job = counting_job(times)
    assert run_due_jobs([job]) == ["count"]
    assert run_due_jobs([job]) == []
    row = PeriodicWork.objects.get()
    assert (row.said, row.failed, row.leased_until) == ("1 times", False, None)
    PeriodicWork.objects.update(due_at=Now())
    assert run_due_jobs([job]) == ["count"]
    assert times == ["count", "count"]


def test_of_two_beats_at_once_one_does_it() -> None:
    times: list[str] = []
    job, together = counting_job(times), Barrier(8)

    def tick() -> list[str]:
        together.wait(DEADLINE_S)
        try:
            return run_due_jobs([job])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        done = [ticked.result() for ticked in [pool.submit(tick) for _ in range(8)]]
    assert sorted(done) == [[]] * 7 + [["count"]]
    assert times == ["count"]


def test_work_that_fails_is_shown_and_tried_again_soon_and_holds_up_no_other() -> None:
    def work() -> str:
        raise LookupError("no such thing")

    times: list[str] = []
    before = timezone.now()
    assert run_due_jobs([PeriodicJob("broken", DAY, work), counting_job(times)]) == ["count"]
    row = PeriodicWork.objects.get(name="broken")
    assert (row.failed, row.said) == (True, "LookupError: no such thing")
    assert row.started_at is not None
    assert before <= row.started_at <= row.due_at - RETRY_AFTER <= timezone.now()
    assert run_due_jobs([PeriodicJob("broken", DAY, work)]) == []


def test_work_that_finds_the_tail_busy_is_done_at_the_next_beat_and_has_not_failed() -> None:
    times: list[str] = []

    def work() -> str:
        times.append("tried")
        if len(times) == 1:
            raise TailBusy
        return "signed"

    job = PeriodicJob("busy", DAY, work)
    assert run_due_jobs([job]) == []
    row = PeriodicWork.objects.get()
    assert (row.failed, row.leased_until) == (False, None)
    assert row.said.startswith("put off: ")
    assert run_due_jobs([job]) == ["busy"]
    assert run_due_jobs([job]) == []


def test_a_process_that_died_in_the_middle_is_followed_by_another_once_its_lease_has_run_out() -> None:
    times: list[str] = []
    now = timezone.now()
    PeriodicWork.objects.create(name="count", due_at=now - DAY, owner="gone:1", leased_until=now + LEASE)
    assert run_due_jobs([counting_job(times)]) == []
    PeriodicWork.objects.update(leased_until=now)
    assert run_due_jobs([counting_job(times)]) == ["count"]


def test_beat_sends_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_expired_sessions_are_removed_and_no_others() -> None:
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - DAY)
    Session.objects.create(session_key="new", session_data="", expire_date=now + DAY)
    tasks.do_periodic_work()
    assert Session.objects.get().session_key == "new"
    assert PeriodicWork.objects.get(name="remove-expired-sessions").said.startswith("1 sessions removed; 1 kept")


def test_staff_see_what_is_due_and_how_it_went() -> None:
    run_due_jobs([counting_job([])])
    client = clerk("view_periodicwork")
    page = client.get("/admin/ops/periodicwork/").content.decode()
    assert "1 times" in page
    assert client.get("/admin/ops/periodicwork/count/change/").status_code == 200
    assert clerk().get("/admin/ops/periodicwork/").status_code == 403
