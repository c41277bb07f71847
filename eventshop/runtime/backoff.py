"""Exponential back-off: which database errors are worth a retry, and how long to wait before it."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import InterfaceError, OperationalError

#: Errors of a database that is unreachable or too busy to answer.
TRANSIENT_ERRORS: Final = (OperationalError, InterfaceError)
#: More doublings would only overflow: every back-off has reached its longest delay long before.
_MAX_DOUBLINGS: Final = 20


class Backoff(NamedTuple):
    """The delays between attempts: `first`, doubled after each failure, up to `longest`.

    `jitter` is the share of a delay that is random, from 0 to 1: clients that failed together retry at different times.
    """

    first: timedelta
    longest: timedelta
    jitter: float = 0.0

    def delay(self, failures: int) -> timedelta:
        """The delay after this many failures in a row, at least one."""
        doublings: int = min(max(failures, 1) - 1, _MAX_DOUBLINGS)
        delay = min(self.first * (1 << doublings), self.longest)
        return delay * random.uniform(1 - self.jitter, 1) if self.jitter else delay  # noqa: S311  (no secret)

    def delay_s(self, failures: int) -> float:
        """`delay` in seconds."""
        return self.delay(failures).total_seconds()


#: The back-off of worker threads whose round has failed.
WORKER_BACKOFF: Final = Backoff(timedelta(seconds=0.2), timedelta(seconds=10), jitter=0.5)
