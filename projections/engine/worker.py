"""Hosting projections inside a Celery worker: a step of the worker itself, so that a lost broker does not stop them.

The threads fold on their own; Celery's messages only wake them earlier. On SIGTERM the step stops asking for events,
lets the batch in hand finish, and gives the leases back.
"""

from __future__ import annotations

import logging
from threading import Event as Signal
from threading import Thread
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_shutting_down
from django.db import connections

from eventshop.core.errors import ProjectionError, UnknownProjection
from eventshop.log.source import event_log
from projections.engine import checkpoint
from projections.engine.projection import catalogue
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


class ProjectionStep(bootsteps.StartStopStep):
    """Runs the projections that `--projections` names, and the rebuilds of any."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, projections: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self.names = [name.strip() for name in (projections or "").split(",") if name.strip()]
        self.stopping = Signal()
        self.threads: list[Thread] = []

    def include_if(self, worker: Any) -> bool:
        return bool(self.names)

    def start(self, worker: Any) -> None:
        names = [] if self.names == ["all"] else self.names
        chosen = catalogue.chosen(names)
        runner = Runner(chosen, event_log(), owner=checkpoint.this_worker())
        self.threads = [
            Thread(target=runner.run, args=[self.stopping], name="projections"),
            Thread(target=_rebuild_on_request, args=[self.stopping], name="rebuilds"),
        ]
        for thread in self.threads:
            thread.start()
        # Celery itself may wait seconds for its broker before it closes its steps.
        worker_shutting_down.connect(lambda **_: self.close(worker), weak=False)
        log.info("projecting %s", ", ".join(projection.name for projection in chosen))

    def close(self, worker: Any) -> None:
        self.stopping.set()
        wake.set()

    def stop(self, worker: Any) -> None:
        self.close(worker)
        for thread in self.threads:
            thread.join(STOP_WITHIN_S)

    def terminate(self, worker: Any) -> None:
        self.close(worker)


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
