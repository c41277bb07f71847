"""The threads that perform effects: one claims due effects, several perform them, one records the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from threading import Event as Signal
from typing import Final

from django.db import DatabaseError, connections
from django.utils import timezone

from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.worker_loop import run_rounds
from eventshop.sagas import effects, wake_signals
from eventshop.sagas.effects import EffectAttempt
from eventshop.sagas.models import SagaStep

log = logging.getLogger(__name__)

#: Effects that one worker performs at a time. They wait for other servers most of their time.
THREADS: Final = 8
#: Effects claimed ahead; the time they wait for a free thread is part of their lease.
PREFETCH: Final = 24
#: Results recorded in one transaction.
BATCH: Final = 100
#: How late an idle worker notices a new effect that another process has written.
IDLE_S: Final = 0.05


def threads(owner: str) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """Name and target of each thread."""
    jobs: Queue[SagaStep] = Queue()
    attempts: Queue[EffectAttempt] = Queue()
    yield "effects", lambda stop: _claim(owner, jobs, stop)
    for number in range(THREADS):
        yield f"effects-{number}", lambda stop: _perform(jobs, attempts, stop)
    yield "effect-results", lambda stop: _record(attempts, stop)


def _claim(owner: str, jobs: Queue[SagaStep], stop: Signal) -> None:
    idle = 0.002

    def claim_once(failures: int) -> None:
        nonlocal idle
        free = THREADS + PREFETCH - jobs.unfinished_tasks
        claimed = effects.claim_effects(owner, free) if free > 0 else []
        for step in claimed:
            jobs.put(step)
        idle = 0.002 if claimed else min(IDLE_S, idle * 2)
        if free <= 0:
            stop.wait(0.002)
        elif not claimed:
            wake_signals.effects.wait(idle)
            wake_signals.effects.clear()

    run_rounds("effects", claim_once, stop)


def _perform(jobs: Queue[SagaStep], attempts: Queue[EffectAttempt], stop: Signal) -> None:
    while not stop.is_set():
        try:
            step = jobs.get(timeout=0.2)
        except Empty:
            continue
        try:
            attempts.put(effects.perform_effect(step))
        except Exception as error:  # the worker that claims it next tries it again
            log.warning(
                "%s of saga %s: %s", step.name, step.saga_id, error, exc_info=not isinstance(error, TRANSIENT_ERRORS)
            )
            _release([step])
        finally:
            jobs.task_done()
    connections.close_all()


def _record(attempts: Queue[EffectAttempt], stop: Signal) -> None:
    """Record attempts in batches. What is lost here is performed again, under the same key."""
    while not (stop.is_set() and attempts.empty()):
        try:
            batch = [attempts.get(timeout=0.2)]
        except Empty:
            continue
        while len(batch) < BATCH and not attempts.empty():
            batch.append(attempts.get())
        try:
            effects.record_attempts(batch)
        except Exception as error:  # as in `_perform`
            log.warning("recording effect results failed: %s", error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
            _release([attempt.step for attempt in batch])
    connections.close_all()


def _release(steps: list[SagaStep]) -> None:
    """Make effects due again at once, instead of when their leases expire."""
    connections.close_all()
    try:
        waiting = SagaStep.objects.filter(pk__in=[step.pk for step in steps], state=SagaStep.State.WAITING)
        waiting.update(looked_at_from=timezone.now())
    except DatabaseError:
        log.warning("the leases of %s effects were not released and will expire", len(steps))
