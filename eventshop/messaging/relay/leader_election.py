"""Of several processes that do the same, one leads: by a lease in PostgreSQL, again and again from what Kafka has.

The lease only prevents churn. What keeps records single is Kafka's producer epoch (`transactions.py`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import timedelta
from threading import Event as Signal
from typing import Any, Final, Protocol

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.models import RelayCheckpoint
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: How long a leader that died, or stopped, keeps others from taking over.
LEASE_DURATION: Final = timedelta(seconds=3)
#: How often a leader renews its lease.
RENEW_INTERVAL_S: Final = 1.0


class LeadershipLost(EventShopError):
    """Another process leads now."""

    code = "lead-lost"


class ManualInterventionRequired(EventShopError):
    """Nothing more is published until somebody has looked."""

    code = "needs-a-person"


class Leader(Protocol):
    """One leader's life, from taking over to the first thing that goes wrong."""

    topic: str
    owner: str
    max_idle_s: float

    def take_over(self) -> None: ...

    def publish_batch(self) -> int:
        """Publish what comes next; how many records. Any exception means: discard this leader."""
        ...

    def close(self) -> None: ...


def run_leader(create_leader: Callable[[Watchdog], Leader], stop: Signal) -> None:
    """Wait for the lead, take over, publish; after any failure begin again; until told to stop.

    Raises `NeedsAPerson` and `TopicRefused`.
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
            except Exception as error:  # of Kafka or of the database: the same answer to all of them
                failures += 1
                log.warning("%s: beginning again: %s", leader.topic, error, exc_info=not _is_expected(error))
                stop.wait(min(10.0, 0.1 * 2**failures) * random.uniform(0.5, 1))  # noqa: S311
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
    """Whether this process may lead now, or still."""
    now = timezone.now()
    RelayCheckpoint.objects.get_or_create(topic=topic)
    free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    taken = RelayCheckpoint.objects.filter(free, topic=topic).update(owner=owner, leased_until=now + LEASE_DURATION)
    return bool(taken)


def renew_leadership(topic: str, owner: str, **checkpoint: Any) -> None:
    """Renew the lease, and note what is known; raises `LeadLost` when another process leads."""
    kept = RelayCheckpoint.objects.filter(topic=topic, owner=owner)
    if not kept.update(leased_until=timezone.now() + LEASE_DURATION, **checkpoint):
        raise LeadershipLost(owner=owner)


def release_leadership(topic: str, owner: str) -> None:
    """Let another one lead at once."""
    RelayCheckpoint.objects.filter(topic=topic, owner=owner).update(owner="", leased_until=None)
