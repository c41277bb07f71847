"""Elects one leader among several publishing processes, by a lease in the database.

The lease only avoids that processes fence each other all the time. Kafka's producer epoch is what prevents duplicate
records (`kafka/transactional_producer.py`). A new leader resumes from what Kafka has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event as Signal
from typing import Any, Final, Protocol

from django.db import connections
from django.db.models import QuerySet

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.models import RelayCheckpoint
from eventshop.runtime import leases
from eventshop.runtime.backoff import WORKER_BACKOFF
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: How long the lease of a dead leader stays valid.
LEASE_DURATION: Final = timedelta(seconds=3)
#: How often a leader renews its lease.
RENEW_INTERVAL_S: Final = 1.0


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
    max_idle_s: float

    def take_over(self) -> None:
        """Fence the previous leader and read how far it has published."""
        ...

    def publish_batch(self) -> int:
        """Publish the next batch; return its number of records. After any exception, discard this leader."""
        ...

    def close(self) -> None:
        """Release all resources."""
        ...


def run_leader(create_leader: Callable[[Watchdog], Leader], stop: Signal) -> None:
    """Wait for leadership, take over and publish; after any error start again, until `stop` is set.

    Raises `ManualInterventionRequired` and `TopicRefused`.
    """
    watchdog = Watchdog()
    failures = 0
    try:
        while not stop.is_set():
            leader = create_leader(watchdog)
            try:
                if not acquire_leadership(leader.topic, leader.owner):
                    stop.wait(1.0)
                    continue
                leader.take_over()
                failures = 0
                _publish_until_stopped(leader, stop)
                release_leadership(leader.topic, leader.owner)
            except (ManualInterventionRequired, topics.TopicRefused):
                raise
            except Exception as error:  # any error of Kafka or of the database is handled in the same way
                failures += 1
                log.warning("%s: beginning again: %s", leader.topic, error, exc_info=not _is_expected(error))
                stop.wait(WORKER_BACKOFF.delay_s(failures))
            finally:
                leader.close()
                connections.close_all()
    finally:
        watchdog.close()


def _publish_until_stopped(leader: Leader, stop: Signal) -> None:
    idle = 0.001
    while not stop.is_set():
        if leader.publish_batch():
            idle = 0.001
        else:
            stop.wait(idle)
            idle = min(leader.max_idle_s, idle * 1.5)


def _is_expected(error: Exception) -> bool:
    return isinstance(error, clients.KafkaUnavailable | LeadershipLost)


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
