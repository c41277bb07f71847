"""The threads that a Celery worker hosts end with it, and give back what they hold before it exits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from threading import Event as Signal

import pytest
from celery.signals import worker_shutting_down

from eventshop.runtime.worker_threads import WorkerThreadsStep
from tests.support.waiting import DEADLINE_S

WORKER = object()


class Hosting(WorkerThreadsStep):
    """Hosts two threads; each holds something until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(WORKER)
        self.held = {"one", "two"}

    def thread_targets(self) -> Iterable[tuple[str, Callable[[Signal], None]]]:
        return [("one", partial(self._hold, "one")), ("two", partial(self._hold, "two"))]

    def _hold(self, name: str, stop: Signal) -> None:
        assert stop.wait(DEADLINE_S)
        self.held.discard(name)


@pytest.fixture
def hosting(clean_database: None) -> Iterator[Hosting]:
    receivers = list(worker_shutting_down.receivers)
    step = Hosting()
    step.create(WORKER)
    step.start(WORKER)
    yield step
    step.stop(WORKER)
    worker_shutting_down.receivers[:] = receivers


def test_the_signal_to_shut_down_ends_the_threads_without_waiting_for_celery(hosting: Hosting) -> None:
    """Celery stops its steps last, after seconds with a broker that does not answer."""
    assert hosting.held == {"one", "two"}
    worker_shutting_down.send(sender="worker", sig="TERM", how="warm", exitcode=0)
    for thread in hosting.group.threads:
        thread.join(DEADLINE_S)
    assert not hosting.held


def test_a_worker_that_has_stopped_holds_nothing(hosting: Hosting) -> None:
    hosting.stop(WORKER)
    assert not hosting.held and not any(thread.state()["alive"] for thread in hosting.group.threads)
