"""The threads that carry out effects: one takes what is due, several wait for the world outside, one writes down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from threading import Event as Signal
from typing import Final

from django.db import DatabaseError, connections
from django.utils import timezone

from eventshop.sagas import effects, wake_signals
from eventshop.sagas.effects import EffectAttempt
from eventshop.sagas.models import SagaStep
from eventshop.sagas.timers import TRANSIENT_ERRORS

log = logging.getLogger(__name__)

#: Effects carried out at a time by one worker. They wait for others most of their time.
THREADS: Final = 8
#: Effects taken ahead; what they wait for a free hand is part of their lease.
PREFETCH: Final = 24
#: Answers written in one transaction.
BATCH: Final = 100
#: How late a new effect of another process is seen on an idle worker.
IDLE_S: Final = 0.05


def threads(owner: str) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """What each of them is called and does."""
    jobs: Queue[SagaStep] = Queue()
    done: Queue[EffectAttempt] = Queue()
    yield "effects", lambda stop: _take(owner, jobs, stop)
    for number in range(THREADS):
        yield f"effects-{number}", lambda stop: _try(jobs, done, stop)
    yield "answers", lambda stop: _record(done, stop)


def _take(owner: str, jobs: Queue[SagaStep], stop: Signal) -> None:
    idle = 0.002
    while not stop.is_set():
        free = THREADS + PREFETCH - jobs.unfinished_tasks
        try:
            taken = effects.claim_effects(owner, free) if free > 0 else []
        except Exception as error:  # the next look tries again
            log.warning("effects: trying again: %s", error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
            connections.close_all()
            stop.wait(1.0)
            continue
        for step in taken:
            jobs.put(step)
        idle = 0.002 if taken else min(IDLE_S, idle * 2)
        if free <= 0:
            stop.wait(0.002)
        elif not taken:
            wake_signals.effects.wait(idle)
            wake_signals.effects.clear()
    connections.close_all()


def _try(jobs: Queue[SagaStep], done: Queue[EffectAttempt], stop: Signal) -> None:
    while not stop.is_set():
        try:
            step = jobs.get(timeout=0.2)
        except Empty:
            continue
        try:
            done.put(effects.perform_effect(step))
        except Exception as error:  # whoever takes it next tries it again
            log.warning(
                "%s of saga %s: %s", step.name, step.saga_id, error, exc_info=not isinstance(error, TRANSIENT_ERRORS)
            )
            _release([step])
        finally:
            jobs.task_done()
    connections.close_all()


def _record(done: Queue[EffectAttempt], stop: Signal) -> None:
    """Write down what has come back, together whatever came back meanwhile; what is lost here is tried again."""
    while not (stop.is_set() and done.empty()):
        try:
            outcomes = [done.get(timeout=0.2)]
        except Empty:
            continue
        while len(outcomes) < BATCH and not done.empty():
            outcomes.append(done.get())
        try:
            effects.record_attempts(outcomes)
        except Exception as error:  # as above
            log.warning("answers: %s", error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
            _release([it.step for it in outcomes])
    connections.close_all()


def _release(steps: list[SagaStep]) -> None:
    """Nobody has to wait for the lease of an effect whose outcome could not be written."""
    connections.close_all()
    try:
        waiting = SagaStep.objects.filter(pk__in=[step.pk for step in steps], state=SagaStep.State.WAITING)
        waiting.update(looked_at_from=timezone.now())
    except DatabaseError:
        log.warning("the leases of %s effects run out by themselves", len(steps))
