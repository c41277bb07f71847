"""Task threads: as many as are needed, none ended by a task, all ended with the context."""

from __future__ import annotations

from threading import Barrier, Event, current_thread, enumerate

import pytest

from eventshop.runtime.task_threads import TaskThreads
from tests.support.waiting import DEADLINE_S


def names(prefix: str) -> set[str]:
    return {thread.name for thread in enumerate() if thread.name.startswith(prefix)}


def test_threads_are_started_when_they_are_needed_and_ended_with_the_context() -> None:
    with TaskThreads(3, "some") as pool:
        assert not names("some-")
        for _ in range(3):
            done = Event()
            pool.submit(done.set)
            assert done.wait(DEADLINE_S)
        together, used = Barrier(3), set[str]()

        def meet() -> None:
            used.add(current_thread().name)
            together.wait(DEADLINE_S)

        for _ in range(6):
            pool.submit(meet)
    assert used == {"some-0", "some-1", "some-2"}
    assert not names("some-")


@pytest.mark.parametrize("error", [ValueError("a fault"), SystemExit(3)])
def test_a_task_that_fails_ends_no_thread(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise error

    ran: list[str] = []
    with TaskThreads(1, "failing") as pool:
        pool.submit(fail)
        pool.submit(lambda: ran.append(current_thread().name))
    assert ran == ["failing-0"]
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


def test_tasks_are_finished_before_the_context_is_left() -> None:
    finished: list[int] = []
    with TaskThreads(2, "many") as pool:
        for number in range(50):
            pool.submit(lambda number=number: finished.append(number))  # type: ignore[misc]
    assert sorted(finished) == list(range(50))
