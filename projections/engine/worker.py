"""Hosting projections inside a Celery worker: a step of the worker itself, so that a lost broker does not stop them.

The threads fold on their own; Celery's messages only wake them earlier. On SIGTERM the step stops asking for events,
lets the batch in hand finish, and gives the leases back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from threading import Event as Signal
from threading import Thread
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_shutting_down
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections

from eventshop.core.errors import EventShopError, ProjectionError, UnknownProjection
from eventshop.log.source import event_log
from projections.engine import checkpoint
from projections.engine.projection import Projection, catalogue
from projections.engine.rebuild import give_up, rebuild, waiting
from projections.engine.runner import Runner
from projections.engine.tables import Rebuild

log = logging.getLogger(__name__)

#: Below what orchestrators grant between SIGTERM and SIGKILL.
STOP_WITHIN_S: Final = 8.0
#: How often requested rebuilds are looked for when no message says so.
LOOK_EVERY_S: Final = 2.0

#: Set by a Celery message: look now.
wake = Signal()


class HostedThreads(bootsteps.StartStopStep):
    """A step whose work is done by threads that stop when they are told to."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = Signal()
        self.threads: list[Thread] = []

    def work(self) -> Iterable[tuple[str, Callable[[Signal], None]]]:
        """What each thread is called and does."""
        raise NotImplementedError

    def start(self, worker: Any) -> None:
        self.threads = [Thread(target=run, args=[self.stopping], name=name) for name, run in self.work()]
        for thread in self.threads:
            thread.start()
        # Celery itself may wait seconds for its broker before it closes its steps.
        worker_shutting_down.connect(lambda **_: self.close(worker), weak=False)

    def close(self, worker: Any) -> None:
        self.stopping.set()
        wake.set()

    def stop(self, worker: Any) -> None:
        self.close(worker)
        for thread in self.threads:
            thread.join(STOP_WITHIN_S)

    def terminate(self, worker: Any) -> None:
        self.close(worker)


class ProjectionStep(HostedThreads):
    """Runs the projections that `--projections` names, and the rebuilds of any."""

    def __init__(self, worker: Any, projections: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self.names = [name.strip() for name in (projections or "").split(",") if name.strip()]

    def include_if(self, worker: Any) -> bool:
        return bool(self.names)

    def work(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        chosen = catalogue.chosen([] if self.names == ["all"] else self.names)
        log.info("projecting %s", ", ".join(projection.name for projection in chosen))
        for name, projections in _shared_out(chosen):
            owner = checkpoint.this_worker() + (f"/{name}" if len(projections) == 1 else "")
            yield name, Runner(projections, event_log(), owner=owner).run
        yield "rebuilds", _rebuild_on_request


class RelayStep(HostedThreads):
    """Publishes events and changed rows to Kafka when `--relay` is given; of several such workers one leads."""

    def __init__(self, worker: Any, relay: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.wanted = relay

    def include_if(self, worker: Any) -> bool:
        return self.wanted

    def work(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        if not settings.KAFKA_OPTIONS:
            raise ImproperlyConfigured("EVENT_LOG_URL: --relay needs kafka://host:port")
        from eventshop.log import relay  # kafka-python is only needed where there is a Kafka
        from projections.engine import publish

        yield "relay", partial(_until_alarm, relay.run)
        yield "publisher", partial(_until_alarm, publish.run)


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


def _rebuild_on_request(stopping: Signal) -> None:
    while not stopping.is_set():
        wake.wait(LOOK_EVERY_S)
        wake.clear()
        try:
            for job in waiting():
                if not stopping.is_set():
                    _rebuilt(job, stopping)
        except Exception as error:  # the next look tries again
            log.warning("rebuild: %s", error, exc_info=True)
            connections.close_all()
    connections.close_all()


def _rebuilt(job: Rebuild, stopping: Signal) -> None:
    """Do one rebuild; one that fails says so in its own row and keeps no other from its turn."""
    try:
        projection = catalogue.get(job.projection)
        rebuild(projection, event_log(), requested_by=job.requested_by, reason=job.reason, stopping=stopping)
    except UnknownProjection as error:  # asked for before it was renamed or removed
        give_up(job, error)
    except ProjectionError as error:
        log.warning("rebuild of %s: %s", job.projection, error)
