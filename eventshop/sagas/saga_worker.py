"""The thread of a worker that routes events to sagas and runs the sagas."""

from __future__ import annotations

import logging
from threading import Event as Signal
from time import monotonic
from typing import Any, Final

from django.db import connections

from eventshop.core.errors import StoreDiverged, TailBusy
from eventshop.eventstore import store_epochs
from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s
from eventshop.runtime.worker_loop import run_rounds
from eventshop.sagas import partition_leases
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.saga_runner import BATCH, SagaRunner

log = logging.getLogger(__name__)

_CHANNELS: Final = frozenset({Channel.EVENTS, Channel.INBOX})
#: The wait after a lost lease, and while the order of the newest events is undecided.
BUSY_WAIT_S: Final = 0.01


class SagaWorker:
    """Routes events, processes the inbox and sends pending commands; it sleeps until there are new ones.

    One thread for all: the router and the runner mostly wait for the same database, and what the router writes the
    runner reads next.
    """

    def __init__(self, owner: str, **options: Any) -> None:
        self.owner = owner
        self.router = EventRouter(owner, **options)
        self.runner = SagaRunner(owner, routed=self.router.routed, **options)
        self._waiter = Waiter(*_CHANNELS)
        #: Where there may be work: what was signalled and not looked for yet.
        self._signalled: set[str] = set(_CHANNELS)
        self._renew_at = 0.0

    def run(self, stop: Signal) -> None:
        """Work until stopped; the leases are released at the end."""
        run_rounds("sagas", self._run_round, stop)
        try:
            self.close()
        except Exception as error:  # the thread ends either way
            log.warning("leases were not released and will expire: %s", error)
        connections.close_all()

    def close(self) -> None:
        """Release the leases, so that other workers need not wait until they expire."""
        self._waiter.close()
        partition_leases.release_leases(self.owner)

    def renew_leases(self) -> None:
        """Renew the leases, with this worker's fair share of the partitions."""
        workers = partition_leases.register_worker(self.owner, "sagas")
        self.router.renew_lease()
        self.runner.renew_leases(workers)
        numbers = self.runner.partitions()
        is_rebalancing = bool(numbers) and partition_leases.is_rebalancing("sagas", numbers, workers)
        self._renew_at = monotonic() + (
            partition_leases.REBALANCE_INTERVAL_S if is_rebalancing else partition_leases.RENEW_INTERVAL_S
        )

    def _run_round(self, failures: int) -> None:
        self._waiter.wait(0)  # this round looks for everything that was signalled until now
        self._signalled.update(self._waiter.take_signalled())
        if failures or monotonic() >= self._renew_at:
            self._signalled.update(_CHANNELS)  # a partition may be new, or a round not have ended
            self.renew_leases()
        work_done, longest_wait_s = 0, poll_interval_s()
        try:
            work_done = self._work()
        except TailBusy:
            longest_wait_s = BUSY_WAIT_S
        except StoreDiverged as error:
            log.info("sagas wait: %s", error)
        except LeaseLost as error:
            log.info("sagas: %s", error)
            longest_wait_s, self._renew_at = BUSY_WAIT_S, 0.0
        if not work_done:
            due_in = min(self._renew_at, self.runner.retry_at) - monotonic()
            self.router.routed.clear()  # what is left belongs to other workers; decoded personal data must not stay
            release_connections()
            if not self._waiter.wait(max(BUSY_WAIT_S, min(longest_wait_s, due_in))):
                self._signalled.update(_CHANNELS)  # a signal may have been lost

    def _work(self) -> int:
        """Process a batch of the inbox; route more events only when the inbox is empty. Returns what was done.

        What was not signalled is not asked for. Raises `StoreDiverged` while commands are refused, and what the router
        raises.
        """
        store_epochs.refuse_if_diverged()
        done = 0
        if Channel.INBOX in self._signalled:
            done = self.runner.process_inbox()
            if done < BATCH:
                self._signalled.discard(Channel.INBOX)
        done += self.runner.retry_pending_commands()
        if not done and Channel.EVENTS in self._signalled:
            done = self.router.route_events()
            if not self.router.has_more:
                self._signalled.discard(Channel.EVENTS)
        return done
