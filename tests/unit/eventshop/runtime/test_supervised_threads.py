"""A worker thread that ends is started again, and ends its process when it ends again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from threading import Event as Signal

import pytest

from eventshop.runtime.backoff import Backoff
from eventshop.runtime.supervised_threads import EXIT_CODE_THREADS, SupervisedThread, start_threads
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_until

AT_ONCE = Backoff(timedelta(0), timedelta(0))

#: A process with one thread that always ends as BODY says.
ENDING = """
import django
django.setup()
from datetime import timedelta
from threading import Event
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.supervised_threads import SupervisedThread
def run(stop):
    BODY
SupervisedThread("sagas", run, Event(), backoff=Backoff(timedelta(0), timedelta(0))).start()
"""


class Endings:
    """A thread's function: it ends in each of these ways, then runs until it is stopped."""

    def __init__(self, *endings: BaseException | None) -> None:
        self.endings = list(endings)
        self.runs = 0

    def __call__(self, stop: Signal) -> None:
        self.runs += 1
        if self.endings:
            error = self.endings.pop(0)
            if error is not None:
                raise error
            return
        stop.wait(DEADLINE_S)


@pytest.mark.parametrize("ending", [ValueError("broken"), SystemExit(), KeyboardInterrupt(), None])
def test_a_thread_that_ends_is_started_again(ending: BaseException | None, caplog: pytest.LogCaptureFixture) -> None:
    stop, run = Signal(), Endings(ending)
    thread = SupervisedThread("relay", run, stop, backoff=AT_ONCE)
    thread.start()
    wait_until(lambda: run.runs == 2 and thread.state()["alive"])
    state = thread.state()
    assert (state["restarts"], state["restarted_s_ago"] is not None) == (1, True)
    assert type(ending).__name__ in state["last_error"] or ending is None
    stop.set()
    thread.join(DEADLINE_S)
    assert not thread.state()["alive"]
    [record] = caplog.records
    assert (record.exc_info is not None and record.exc_info[1] is ending) or ending is None


def test_a_thread_that_is_stopped_is_not_started_again() -> None:
    stop, run = Signal(), Endings()
    [thread] = start_threads([("relay", run)], stop)
    wait_until(lambda: run.runs)
    assert thread.state() == {"alive": True, "restarts": 0, "restarted_s_ago": None, "last_error": ""}
    stop.set()
    thread.join(DEADLINE_S)
    assert (run.runs, thread.state()["alive"], thread.state()["restarts"]) == (1, False, 0)


def test_an_error_while_stopping_is_reported_and_starts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    stop = Signal()

    def fail_at_the_end(stop: Signal) -> None:
        stop.set()
        raise ValueError("at the end")

    [thread] = start_threads([("relay", fail_at_the_end)], stop)
    thread.join(DEADLINE_S)
    assert "at the end" in caplog.text
    assert not thread.state()["alive"]


@pytest.mark.parametrize("body", ["raise ValueError('broken')", "return"])
def test_a_thread_that_ends_again_and_again_ends_its_process(body: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDING.replace("BODY", body)],
        cwd=ROOT,
        env={**os.environ, "THREAD_END_LIMIT": "3"},
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == EXIT_CODE_THREADS
    assert ended.stderr.count(b"sagas ended") == 4
