"""Run projections, the relay and the outbox publisher inside a Celery worker, as steps of the worker itself.

They do not depend on the broker: the threads poll on their own, and Celery's messages only wake them earlier. On
SIGTERM a step stops reading events, lets the current batch finish, and releases the leases.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Event as Signal
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from eventshop.core.errors import ProjectionError, UnknownProjection
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections import dead_letter_jobs, replays
from eventshop.projections.models import Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.rebuild import mark_failed, pending_rebuilds, rebuild
from eventshop.projections.worker import worker_threads
from eventshop.runtime.worker_threads import WorkerThreadsStep

log = logging.getLogger(__name__)

#: How often requested rebuilds and replays are looked for when no message reports one.
CHECK_INTERVAL_S: Final = 2.0

#: Set by a Celery message: look for rebuilds now.
rebuild_requested = Signal()


class ProjectionBootstep(WorkerThreadsStep):
    """Runs the projections that `--projections` names, and requested rebuilds and replays of any projection."""

    def __init__(self, worker: Any, projections: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self.names = [name.strip() for name in (projections or "").split(",") if name.strip()]

    def include_if(self, worker: Any) -> bool:
        return bool(self.names)

    def close(self, worker: Any) -> None:
        super().close(worker)
        rebuild_requested.set()

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        selected = projection_registry.select([] if self.names == ["all"] else self.names)
        log.info("running the projections %s", ", ".join(projection.name for projection in selected))
        yield from worker_threads(selected)
        yield "rebuilds", _run_requested_rebuilds
        yield "replays", _run_requested_jobs


class RelayBootstep(WorkerThreadsStep):
    """Publishes events and changed rows to Kafka when `--relay` is given; of several such workers one leads."""

    def __init__(self, worker: Any, relay: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.is_requested = relay

    def include_if(self, worker: Any) -> bool:
        return self.is_requested

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        if not settings.KAFKA_OPTIONS:
            raise ImproperlyConfigured("EVENT_LOG_URL: --relay needs kafka://host:port")
        from eventshop.messaging.relay import event_relay  # kafka-python is only needed where there is a Kafka
        from eventshop.projections import outbox_publisher

        yield "relay", event_relay.run_relay
        yield "publisher", outbox_publisher.run_publisher


def _run_requested_jobs(stopping: Signal) -> None:
    """Replays, and jobs about dead letters: in a thread of their own, because rebuilds may take long."""
    while not stopping.is_set():
        try:
            for job in dead_letter_jobs.pending_jobs():
                if not stopping.is_set():
                    dead_letter_jobs.run(job)
            for replay in replays.pending_replays():
                if not stopping.is_set():
                    replays.run_replay(replay)
        except Exception as error:  # the next round tries again
            log.warning("jobs failed, trying again: %s", error, exc_info=True)
        connections.close_all()
        stopping.wait(CHECK_INTERVAL_S)


def _run_requested_rebuilds(stopping: Signal) -> None:
    while not stopping.is_set():
        rebuild_requested.wait(CHECK_INTERVAL_S)
        rebuild_requested.clear()
        try:
            for job in pending_rebuilds():
                if not stopping.is_set():
                    _run_rebuild(job, stopping)
        except Exception as error:  # the next round tries again
            log.warning("rebuilds failed, trying again: %s", error, exc_info=True)
            connections.close_all()
    connections.close_all()


def _run_rebuild(job: Rebuild, stopping: Signal) -> None:
    """Run one rebuild. The error of one that fails is in its own row, and stops no other."""
    try:
        projection = projection_registry.get(job.projection)
        rebuild(projection, create_event_log(), requested_by=job.requested_by, reason=job.reason, stopping=stopping)
    except UnknownProjection as error:  # requested before the projection was renamed or removed
        mark_failed(job, error)
    except ProjectionError as error:
        log.warning("rebuild of %s failed: %s", job.projection, error)
