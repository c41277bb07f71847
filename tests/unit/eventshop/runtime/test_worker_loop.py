"""A worker thread goes on after failed rounds, waits longer after each of them, and stops when it is told to."""

from __future__ import annotations

import logging
from threading import Event as Signal

import pytest
from django.db import OperationalError

from eventshop.runtime.backoff import WORKER_BACKOFF
from eventshop.runtime.worker_loop import run_rounds


class RecordingSignal(Signal):
    """A stop signal that records the waits instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return self.is_set()


def run_until_exhausted(errors: list[Exception | None]) -> tuple[list[int], list[float]]:
    """Run one round per entry, which fails with the entry; return the failures that each round saw, and the waits."""
    stop, failures_seen = RecordingSignal(), list[int]()

    def run_round(failures: int) -> None:
        failures_seen.append(failures)
        error = errors[len(failures_seen) - 1]
        if len(failures_seen) == len(errors):
            stop.set()
        if error is not None:
            raise error

    run_rounds("test", run_round, stop)
    return failures_seen, stop.waits


def test_failed_rounds_are_repeated_with_growing_waits_until_one_succeeds() -> None:
    failures, waits = run_until_exhausted([ValueError(), ValueError(), ValueError(), None, ValueError(), None])
    assert failures == [0, 1, 2, 3, 0, 1]
    assert len(waits) == 4
    for failure, wait in zip((1, 2, 3, 1), waits, strict=True):
        longest = WORKER_BACKOFF._replace(jitter=0).delay_s(failure)
        assert longest / 2 <= wait <= longest


@pytest.mark.parametrize(("error", "has_traceback"), [(KeyError("bug"), True), (OperationalError("away"), False)])
def test_only_unexpected_errors_are_logged_with_a_traceback(
    error: Exception, has_traceback: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        run_until_exhausted([error, None])
    [record] = caplog.records
    assert record.getMessage() == f"test: round failed, trying again: {error}"
    assert bool(record.exc_info) is has_traceback


def test_a_loop_that_is_stopped_runs_no_round() -> None:
    stop = Signal()
    stop.set()
    run_rounds("test", lambda failures: pytest.fail("a round was run"), stop)
