"""Calls to a remote server: retried with back-off, and refused for a while after the server has failed repeatedly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from time import monotonic
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from eventshop.core.errors import EventShopError
from eventshop.runtime import metrics
from eventshop.runtime.backoff import Backoff

T = TypeVar("T")

#: The waits between attempts are fully random: many clients may retry at the same time.
RETRY_BACKOFF: Final = Backoff(timedelta(seconds=0.2), timedelta(seconds=2), jitter=1.0)


class CircuitOpen(EventShopError):
    """The server has failed so often that calls to it are refused for a while."""

    code = "unavailable"


class CircuitBreaker:
    """Counts the failures of one remote server and refuses calls while it is known to be down.

    Threads share one breaker; their calls run in parallel. `failure_types` are the errors that count as a failure of
    the server; any other error belongs to the caller. Errors of `no_retry_types` count too, but are not retried at
    once: a server that did not answer in time is busy. After `failure_threshold` failures in a row the circuit is open
    for `open_s` seconds; then a single call probes the server on behalf of all.
    """

    def __init__(
        self,
        name: str,
        *,
        failure_types: tuple[type[Exception], ...],
        no_retry_types: tuple[type[Exception], ...] = (),
        failure_threshold: int = 5,
        open_s: float = 10.0,
    ) -> None:
        self.name = name
        self._failure_types, self._no_retry_types = failure_types, no_retry_types
        self._failure_threshold, self._open_s = failure_threshold, open_s
        self._lock = Lock()  # never held during a call
        self._failures = 0
        self._opened_at: float | None = None
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, or a probe is running (half-open)."""
        return self._opened_at is not None

    def call(self, function: Callable[[], T], *, attempts: int = 1) -> T:
        """Return what `function` returns. Allow more than one attempt only for an idempotent function.

        Raises `CircuitOpen` while the circuit is open, otherwise the error of the last attempt.
        """
        retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=_wait_s,
            retry=retry_if_exception(self._should_retry),
            reraise=True,
        )
        result: T = retrying(self._attempt, function)
        return result

    def _should_retry(self, error: BaseException) -> bool:
        return isinstance(error, self._failure_types) and not isinstance(error, self._no_retry_types)

    def _attempt(self, function: Callable[[], T]) -> T:
        is_probe = self._admit()
        try:
            result = function()
        except self._failure_types:
            self._record(is_probe, failed=True)
            raise
        except BaseException:  # the caller's error: of the server a probe learns that it answers
            if is_probe:
                self._record(is_probe, failed=False)
            raise
        self._record(is_probe, failed=False)
        return result

    def _admit(self) -> bool:
        """Let a call pass, and return whether it probes the server. Raises `CircuitOpen`."""
        with self._lock:
            if self._opened_at is None:
                return False
            if not self._is_probing and monotonic() >= self._opened_at + self._open_s:
                self._is_probing = True
                return True
        metrics.CIRCUIT_REFUSALS.labels(self.name).inc()
        raise CircuitOpen(server=self.name)

    def _record(self, is_probe: bool, *, failed: bool) -> None:
        """Count a call's outcome. That of one which began before the circuit opened changes nothing."""
        with self._lock:
            if self.is_open and not is_probe:
                return
            self._failures = self._failures + 1 if failed else 0
            is_tripped = failed and (is_probe or self._failures >= self._failure_threshold)
            self._opened_at = monotonic() if is_tripped else None
            self._is_probing = False


def _wait_s(state: RetryCallState) -> float:
    return RETRY_BACKOFF.delay_s(state.attempt_number)
