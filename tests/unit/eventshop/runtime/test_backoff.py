"""The back-off doubles up to its longest delay, and its jitter stays within bounds."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from eventshop.runtime.backoff import Backoff

PLAIN = Backoff(timedelta(seconds=1), timedelta(seconds=60))


def test_the_delay_doubles_after_each_failure_up_to_the_longest() -> None:
    assert [PLAIN.delay_s(failures) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_any_number_of_failures_has_a_delay() -> None:
    assert PLAIN.delay(0) == PLAIN.first
    assert PLAIN.delay(1_000_000) == PLAIN.longest


@given(failures=st.integers(1, 40), jitter=st.sampled_from([0.25, 0.5, 1.0]))
def test_jitter_only_shortens_a_delay(failures: int, jitter: float) -> None:
    full = PLAIN.delay_s(failures)
    assert full * (1 - jitter) - 1e-6 <= PLAIN._replace(jitter=jitter).delay_s(failures) <= full


def test_clients_that_fail_together_retry_at_different_times() -> None:
    assert len({PLAIN._replace(jitter=0.5).delay(5) for _ in range(10)}) > 1
