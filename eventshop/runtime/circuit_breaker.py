"""Calls to a remote server: retried with back-off, and refused for a while after the server has failed repeatedly."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import Final, TypeVar

import pybreaker
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
        self._state = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failure_threshold,
            reset_timeout=open_s,
            exclude=[lambda error: not isinstance(error, failure_types)],
            state_storage=self._state,
            name=name,
            throw_new_error_on_trip=False,
        )
        self._probe_lock = Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, or a probe is running (half-open)."""
        return bool(self._state.state != pybreaker.STATE_CLOSED)

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
        if self.is_open:
            return self._probe(function)
        # Not called through pybreaker: it holds its lock during a call, so that only one call could run at a time.
        try:
            result = function()
        except self._failure_types as error:
            self._record_failure(error)
            raise
        with suppress(pybreaker.CircuitBreakerError):  # other threads opened the circuit; this result is still valid
            self._breaker.call(_succeed)
        return result

    def _probe(self, function: Callable[[], T]) -> T:
        if not self._probe_lock.acquire(blocking=False):
            metrics.CIRCUIT_REFUSALS.labels(self.name).inc()
            raise CircuitOpen(server=self.name)
        try:
            return self._breaker.call(function)
        except pybreaker.CircuitBreakerError:
            metrics.CIRCUIT_REFUSALS.labels(self.name).inc()
            raise CircuitOpen(server=self.name) from None
        finally:
            self._probe_lock.release()

    def _record_failure(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with suppress(pybreaker.CircuitBreakerError, *self._failure_types):  # counted here, raised by the caller
            self._breaker.call(fail)


def _wait_s(state: RetryCallState) -> float:
    return RETRY_BACKOFF.delay_s(state.attempt_number)


def _succeed() -> None:
    """Count as a success."""
