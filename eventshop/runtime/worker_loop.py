"""The loop of a worker thread: rounds of work until it is stopped, with back-off after a failed round."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event as Signal

from eventshop.runtime.backoff import TRANSIENT_ERRORS, WORKER_BACKOFF
from eventshop.runtime.connections import close_connections

log = logging.getLogger(__name__)


def run_rounds(name: str, run_round: Callable[[int], None], stop: Signal) -> None:
    """Call `run_round` until `stop` is set, with the number of rounds that have failed directly before.

    A round waits by itself when it has nothing to do. No failure of a round ends the loop: it is logged, with a
    traceback unless the database is unreachable; then the connections are closed, and the next round follows after a
    while.
    """
    failures = 0
    while not stop.is_set():
        try:
            run_round(failures)
        except Exception as error:  # a worker must survive any failure of one round, and report it
            failures += 1
            log.warning(
                "%s: round failed, trying again: %s", name, error, exc_info=not isinstance(error, TRANSIENT_ERRORS)
            )
            close_connections()
            stop.wait(WORKER_BACKOFF.delay_s(failures))
        else:
            failures = 0
    close_connections()
