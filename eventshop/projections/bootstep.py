"""Hosting projections inside a Celery worker: a step of the worker itself, so that a lost broker does not stop them.

The threads fold on their own; Celery's messages only wake them earlier. On SIGTERM the step stops asking for events,
lets the batch in hand finish, and gives the leases back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Event as Signal
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections

from eventshop.core.deterministic_ids import process_name
from eventshop.core.errors import EventShopError, ProjectionError, UnknownProjection
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections import replays
from eventshop.projections.models import Rebuild
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild import mark_failed, pending_rebuilds, rebuild
from eventshop.projections.runner import ProjectionRunner
from eventshop.runtime.watchdog import Watchdog
from eventshop.runtime.worker_threads import WorkerThreadsStep

log = logging.getLogger(__name__)

#: How often requested rebuilds are looked for when no message says so.
LOOK_EVERY_S: Final = 2.0

#: Set by a Celery message: look now.
rebuild_requested = Signal()


class ProjectionBootstep(WorkerThreadsStep):
    """Runs the projections that `--projections` names, and the rebuilds and replays of any."""

    def __init__(self, worker: Any, projections: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self.names = [name.strip() for name in (projections or "").split(",") if name.strip()]

    def include_if(self, worker: Any) -> bool:
        return bool(self.names)

    def close(self, worker: Any) -> None:
        super().close(worker)
        rebuild_requested.set()

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        chosen = projection_registry.select([] if self.names == ["all"] else self.names)
        log.info("projecting %s", ", ".join(projection.name for projection in chosen))
        watchdog = Watchdog()
        for name, projections in _shared_out(chosen):
            owner = process_name() + (f"/{name}" if len(projections) == 1 else "")
            yield name, ProjectionRunner(projections, create_event_log(), owner=owner, watchdog=watchdog).run
        yield "rebuilds", _rebuild_on_request
        yield "replays", _replay_on_request


class RelayBootstep(WorkerThreadsStep):
    """Publishes events and changed rows to Kafka when `--relay` is given; of several such workers one leads."""

    def __init__(self, worker: Any, relay: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.wanted = relay

    def include_if(self, worker: Any) -> bool:
        return self.wanted

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        if not settings.KAFKA_OPTIONS:
            raise ImproperlyConfigured("EVENT_LOG_URL: --relay needs kafka://host:port")
        from eventshop.messaging.relay import event_relay  # kafka-python is only needed where there is a Kafka
        from eventshop.projections import outbox_publisher

        yield "relay", partial(_until_alarm, event_relay.run_relay)
        yield "publisher", partial(_until_alarm, outbox_publisher.run)


def _until_alarm(run: Callable[[Signal], None], stopping: Signal) -> None:
    """Go on until told to stop, or until something needs a person: the worker's other work goes on then."""
    try:
        run(stopping)
    except EventShopError as alarm:
        log.critical("stopped until somebody has looked: %s", alarm)


def _shared_out(chosen: Sequence[Projection[Any]]) -> list[tuple[str, Sequence[Projection[Any]]]]:
    """Which projections share a thread: all on SQLite, which has one writer; none on PostgreSQL, so that none waits."""
    if connection.vendor == "sqlite":
        return [("projections", chosen)]
    return [(projection.name, [projection]) for projection in chosen]


def _replay_on_request(stopping: Signal) -> None:
    """What staff want to look at; beside the rebuilds, which may take long."""
    while not stopping.is_set():
        try:
            for replay in replays.pending_replays():
                if not stopping.is_set():
                    replays.run_replay(replay)
        except Exception as error:  # the next look tries again
            log.warning("replay: %s", error, exc_info=True)
        connections.close_all()
        stopping.wait(LOOK_EVERY_S)


def _rebuild_on_request(stopping: Signal) -> None:
    while not stopping.is_set():
        rebuild_requested.wait(LOOK_EVERY_S)
        rebuild_requested.clear()
        try:
            for job in pending_rebuilds():
                if not stopping.is_set():
                    _rebuilt(job, stopping)
        except Exception as error:  # the next look tries again
            log.warning("rebuild: %s", error, exc_info=True)
            connections.close_all()
    connections.close_all()


def _rebuilt(job: Rebuild, stopping: Signal) -> None:
    """Do one rebuild; one that fails says so in its own row and keeps no other from its turn."""
    try:
        projection = projection_registry.get(job.projection)
        rebuild(projection, create_event_log(), requested_by=job.requested_by, reason=job.reason, stopping=stopping)
    except UnknownProjection as error:  # asked for before it was renamed or removed
        mark_failed(job, error)
    except ProjectionError as error:
        log.warning("rebuild of %s: %s", job.projection, error)
