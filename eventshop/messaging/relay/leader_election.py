"""Elects one leader among several publishing processes, by a lease in the database.

The lease only avoids that processes fence each other all the time. Kafka's producer epoch is what prevents duplicate
records (`kafka/transactional_producer.py`). A new leader resumes from what Kafka has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Event as Signal
from time import perf_counter
from typing import Any, Final, Protocol

from django.db import Error as DatabaseFailure
from django.db import connections
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from eventshop.core.errors import EventShopError, ProgramTooOld, StoreDiverged
from eventshop.messaging.kafka import clients, publish_faults, topics
from eventshop.messaging.kafka.publish_faults import Fault
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation.divergence import DivergenceSuspected
from eventshop.runtime import leases, metrics
from eventshop.runtime.backoff import WORKER_BACKOFF
from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: How long the lease of a dead leader stays valid.
LEASE_DURATION: Final = timedelta(seconds=3)
#: How often a leader renews its lease.
RENEW_INTERVAL_S: Final = 1.0
#: How often a process that does not lead tries to.
STANDBY_POLL_S: Final = 1.0
#: How long nobody publishes after an error that needs an operator. Then one process looks whether it is mended.
STOPPED_RETRY: Final = timedelta(seconds=30)
#: Far longer than everything that taking over, one batch or closing may take with all their own time-outs. A call of
#: kafka-python that never returns then ends the process instead of leaving publishing without a leader.
STEP_LIMIT_S: Final = 180.0


class LeadershipLost(EventShopError):
    """Another process leads now."""

    code = "lead-lost"


class ManualInterventionRequired(EventShopError):
    """Publishing stops until an operator intervenes."""

    code = "needs-a-person"


class Leader(Protocol):
    """One term of a leader, from taking over to its first error."""

    topic: str
    owner: str
    #: What wakes it while it has nothing to publish.
    channel: Channel
    #: Whether the last batch left something that can be published at once. What is written later is signalled.
    has_more: bool

    def take_over(self) -> None:
        """Fence the previous leader and read how far it has published."""
        ...

    def publish_batch(self) -> int:
        """Publish the next batch; return its number of records. After any exception, discard this leader.

        Raises `ManualInterventionRequired` for an error that sending the same records again cannot mend.
        """
        ...

    def wait_s(self) -> float:
        """How long it may wait for a signal when there is nothing more to publish, in seconds."""
        ...

    def linger_s(self, published: int) -> float:
        """How long it lets records accumulate after so many were published, in seconds."""
        ...

    def close(self) -> None:
        """Release all resources."""
        ...


def run_leader(create_leader: Callable[[Watchdog], Leader], stop: Signal) -> None:
    """Wait for leadership, take over and publish; after any error start again, until `stop` is set.

    An error that needs an operator is recorded in the checkpoint, where health shows it, and the leadership is given
    back: after `STOPPED_RETRY`, or once `create_topics` has run, one of the processes tries again. A process that is
    too old for the next event gives it back, too, and does not try for as long.
    """
    watchdog = Watchdog()
    failures, last_reason = 0, ""
    try:
        while not stop.is_set():
            term = _Term(create_leader)
            try:
                term.run(watchdog, stop)
            except Exception as error:  # any error of Kafka or of the database is handled in the same way
                failures = 1 if term.has_begun else failures + 1
                metrics.PUBLISH_FAILURES.labels(term.topic).inc()
                if isinstance(error, ProgramTooOld):
                    term.hand_over(error)
                    connections.close_all()
                    stop.wait(STOPPED_RETRY.total_seconds())
                    continue
                if reason := _permanent_reason(error):
                    term.record_stop(reason, is_new=reason != last_reason)
                    last_reason = reason
                else:
                    log.warning("beginning again: %s", error, exc_info=not _is_expected(error))
                connections.close_all()
                stop.wait(WORKER_BACKOFF.delay_s(failures))
    finally:
        watchdog.close()


class _Term:
    """One attempt to lead."""

    def __init__(self, create_leader: Callable[[Watchdog], Leader]) -> None:
        self.create_leader = create_leader
        self.has_begun = False  # the leader has taken over
        self._leader: Leader | None = None

    @property
    def topic(self) -> str:
        return self._leader.topic if self._leader else ""

    def run(self, watchdog: Watchdog, stop: Signal) -> None:
        """Publish until `stop` is set, or wait a while if another process leads. Raises any error."""
        leader = self._leader = self.create_leader(watchdog)
        try:
            if not _acquire_unless_stopped(leader.topic, leader.owner):
                release_connections()
                stop.wait(STANDBY_POLL_S)
                return
            with _step(watchdog, "taking over"):
                leader.take_over()
            self.has_begun = True
            _publish_until_stopped(leader, watchdog, stop)
            release_leadership(leader.topic, leader.owner)
        finally:
            with _step(watchdog, "closing"):
                leader.close()

    def hand_over(self, error: ProgramTooOld) -> None:
        """Give back the leadership, for a process of a newer release. Health shows the reason until one leads."""
        if (leader := self._leader) is None:
            return
        log.warning("%s: a newer release has to lead: %s", leader.topic, error)
        try:
            leases.release_leases(
                _rows(leader.topic), leader.owner, stopped_reason=f"{error}; a newer release has to lead"
            )
        except DatabaseFailure as failure:
            log.warning("%s: the leadership was not given back and will expire: %s", leader.topic, failure)

    def record_stop(self, reason: str, *, is_new: bool) -> None:
        """Record why publishing stopped, and give back the leadership, in one statement."""
        if (leader := self._leader) is None:
            return
        level = logging.CRITICAL if is_new else logging.DEBUG
        log.log(level, "%s: stopped until an operator has looked: %s", leader.topic, reason)
        try:
            leases.release_leases(_rows(leader.topic), leader.owner, stopped_at=Now(), stopped_reason=reason)
        except DatabaseFailure as error:
            log.warning("%s: the reason could not be recorded: %s", leader.topic, error)


def _step(watchdog: Watchdog, description: str) -> AbstractContextManager[None]:
    return watchdog.deadline(clients.timeout_s(STEP_LIMIT_S), description)


def _publish_until_stopped(leader: Leader, watchdog: Watchdog, stop: Signal) -> None:
    waiter = Waiter(leader.channel)
    is_resumed = False
    try:
        while not stop.is_set():
            waiter.wait(0)  # this batch has everything that was signalled until now
            started = perf_counter()
            with _step(watchdog, "publishing"):
                published = leader.publish_batch()
            if not is_resumed:
                _rows(leader.topic).exclude(stopped_reason="").update(stopped_at=None, stopped_reason="")
                is_resumed = True
            if published:
                metrics.PUBLISHED_RECORDS.labels(leader.topic).inc(published)
                metrics.PUBLISH_SECONDS.labels(leader.topic).observe(perf_counter() - started)
                if linger_s := leader.linger_s(published):
                    stop.wait(linger_s)
            if not leader.has_more:
                release_connections()
                waiter.wait(leader.wait_s())
    finally:
        waiter.close()


def _is_expected(error: Exception) -> bool:
    return isinstance(error, clients.KafkaUnavailable | clients.KafkaError | LeadershipLost | DivergenceSuspected)


def _acquire_unless_stopped(topic: str, owner: str) -> bool:
    """Acquire the lease, unless publishing stopped a short while ago."""
    RelayCheckpoint.objects.get_or_create(topic=topic)
    is_due = Q(stopped_at=None) | Q(stopped_at__lt=Now() - STOPPED_RETRY)
    return bool(leases.acquire_leases(_rows(topic).filter(is_due), owner, LEASE_DURATION))


def _permanent_reason(error: Exception) -> str:
    """Why publishing cannot go on before an operator has done something; empty for errors that pass."""
    if isinstance(error, ManualInterventionRequired | StoreDiverged | topics.TopicRefused):
        return str(error)
    return publish_faults.advise(error) if publish_faults.classify(error) is Fault.PERMANENT else ""


def acquire_leadership(topic: str, owner: str) -> bool:
    """Acquire or renew the lease; return whether this process leads now."""
    RelayCheckpoint.objects.get_or_create(topic=topic)
    return bool(leases.acquire_leases(_rows(topic), owner, LEASE_DURATION))


def renew_leadership(topic: str, owner: str, **checkpoint: Any) -> None:
    """Renew the lease and save columns of the checkpoint; raises `LeadershipLost` when another process leads."""
    if not leases.renew_leases(_rows(topic), owner, LEASE_DURATION, **checkpoint):
        raise LeadershipLost(owner=owner)


def release_leadership(topic: str, owner: str) -> None:
    """Release the lease, so that another process can lead at once."""
    leases.release_leases(_rows(topic), owner)


def _rows(topic: str) -> QuerySet[RelayCheckpoint]:
    return RelayCheckpoint.objects.filter(topic=topic)
