"""Calls to somebody else's server: tried again with back-off, and not made at all while it is known to be down."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final, TypeVar

import pybreaker
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from eventshop.core.errors import EventShopError

T = TypeVar("T")

#: The first wait between two tries is a random part of this; each further one may be twice as long.
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 2.0


class Unavailable(EventShopError):
    """A server outside has failed so often that it is not asked for a while."""

    code = "unavailable"


class Outside:
    """One server, as this process has found it lately. Share it between threads: they call side by side.

    `failed` is what a failure of the server looks like; anything else that a call raises is the caller's own business.
    Those of `not_at_once` count, but are not tried again straight away: a server that did not answer in time is busy.
    After `failures` in a row the server is left alone for `rest_s` seconds; then one call tries it for all.
    """

    def __init__(
        self,
        name: str,
        *,
        failed: tuple[type[Exception], ...],
        not_at_once: tuple[type[Exception], ...] = (),
        failures: int = 5,
        rest_s: float = 10.0,
    ) -> None:
        self.name = name
        self._failed, self._not_at_once = failed, not_at_once
        self._state = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=rest_s,
            exclude=[lambda error: not isinstance(error, failed)],
            state_storage=self._state,
            name=name,
            throw_new_error_on_trip=False,
        )
        self._trial = Lock()

    @property
    def resting(self) -> bool:
        """Whether calls are refused, or one is finding out if they still must be."""
        return bool(self._state.state != pybreaker.STATE_CLOSED)

    def call(self, function: Callable[[], T], *, tries: int = 1) -> T:
        """What `function` returns. More than one try only for what may be done twice.

        Raises `Unavailable` while the server rests, or the failure of the last try.
        """
        retrying = Retrying(
            stop=stop_after_attempt(tries),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
            retry=retry_if_exception(self._again),
            reraise=True,
        )
        result: T = retrying(self._once, function)
        return result

    def _again(self, error: BaseException) -> bool:
        return isinstance(error, self._failed) and not isinstance(error, self._not_at_once)

    def _once(self, function: Callable[[], T]) -> T:
        if self.resting:
            return self._tried_for_all(function)
        # Not through the breaker: it holds its lock for as long as a call lasts, one call at a time.
        try:
            result = function()
        except self._failed as error:
            self._count(error)
            raise
        with suppress(pybreaker.CircuitBreakerError):  # others failed meanwhile; this one has its answer all the same
            self._breaker.call(_nothing)
        return result

    def _tried_for_all(self, function: Callable[[], T]) -> T:
        if not self._trial.acquire(blocking=False):
            raise Unavailable(server=self.name)
        try:
            return self._breaker.call(function)
        except pybreaker.CircuitBreakerError:
            raise Unavailable(server=self.name) from None
        finally:
            self._trial.release()

    def _count(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        with suppress(pybreaker.CircuitBreakerError, *self._failed):  # counted; the caller raises it
            self._breaker.call(fail)


def _nothing() -> None:
    """A success to count."""
