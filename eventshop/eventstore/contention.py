"""Repeats a decision that another writer has overtaken: after a back-off, then under the locks of its streams."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import sleep
from typing import Final, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from eventshop.core.errors import Conflict
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import ConcurrencyConflict
from eventshop.runtime import metrics
from eventshop.runtime.backoff import Backoff

Result = TypeVar("Result")

#: Attempts without a lock. A second conflict in a row means that others write to the stream all the time.
OPTIMISTIC_ATTEMPTS: Final = 2
#: A bound that is not reached: under the locks a decision is overtaken only at a stream's first event, at the first
#: event about a person, and by the same command sent twice at once; each of these happens once.
LOCKED_ATTEMPTS: Final = 20
BACKOFF: Final = Backoff(timedelta(milliseconds=2), timedelta(milliseconds=20), jitter=1.0)


class Attempt(NamedTuple):
    """One attempt to decide and append. `locked`: take the locks of the streams exclusively, then load."""

    number: int  # 0 is the first
    locked: bool


def repeat_on_conflict(append: Callable[[Attempt], Result]) -> Result:
    """Call `append` until no other writer overtakes it; raises `Conflict` after `LOCKED_ATTEMPTS` under the locks.

    Inside the caller's transaction there is no back-off, because others may be waiting for that transaction, and a
    deadlock is raised: only the caller can repeat what the transaction holds.
    """
    nested = connections[DEFAULT_DB_ALIAS].in_atomic_block
    optimistic = 1 if nested else OPTIMISTIC_ATTEMPTS
    cause: Exception | None = None
    for number in range(optimistic + LOCKED_ATTEMPTS):
        try:
            return append(Attempt(number, number >= optimistic))
        except ConcurrencyConflict as conflict:
            cause = conflict
        except OperationalError as error:
            if nested or not backend().is_deadlock(error):
                raise
            cause = error
        metrics.APPEND_CONFLICTS.inc()
        if not nested and number + 1 < optimistic:
            sleep(BACKOFF.delay_s(number + 1))
    raise Conflict(attempts=optimistic + LOCKED_ATTEMPTS) from cause
