"""One thread claims due effects, records their results and fires timers; a small pool performs the effects."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from queue import SimpleQueue
from threading import Event as Signal
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import connections

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.runtime import metrics
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.connections import close_connections, release_connections
from eventshop.runtime.task_threads import TaskThreads
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s
from eventshop.runtime.worker_loop import run_rounds
from eventshop.sagas import effects, timers
from eventshop.sagas.effects import EffectAttempt
from eventshop.sagas.models import SagaStep
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry

log = logging.getLogger(__name__)

#: Effects claimed for each thread of the pool; the time they wait for it is part of their lease.
CLAIMED_PER_THREAD: Final = 4
#: Attempts recorded in one transaction.
BATCH: Final = 100
#: The shortest wait: something due may be locked by another worker.
SHORTEST_WAIT_S: Final = 0.005


class _NextDue:
    """When the next row of a kind is due, as last asked; asked again after a signal, or after something was due."""

    def __init__(self, seconds_until_due: Callable[[], float]) -> None:
        self._ask = seconds_until_due
        self._at: float | None = None  # on the monotonic clock

    def forget(self) -> None:
        self._at = None

    def in_s(self) -> float:
        if self._at is None or self._at <= monotonic():
            self._at = monotonic() + self._ask()
        return self._at - monotonic()


class EffectWorker:
    """Performs effects and fires timers until it is stopped. It sleeps until one is due, or is written."""

    def __init__(
        self, owner: str, *, sagas: SagaRegistry = saga_registry, registry: MessageRegistry = default_registry
    ) -> None:
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.capacity = CLAIMED_PER_THREAD * settings.SAGA_EFFECT_THREADS
        self.claimed = 0  # effects claimed, and neither recorded nor released
        self._next_due = {
            Channel.EFFECTS: _NextDue(effects.seconds_until_due),
            Channel.TIMERS: _NextDue(timers.seconds_until_due),
        }
        self._waiter = Waiter(*self._next_due)
        self._finished: SimpleQueue[EffectAttempt | SagaStep] = SimpleQueue()  # a step alone was not performed
        self._attempts: list[EffectAttempt] = []
        self._unperformed: list[SagaStep] = []

    def run(self, stop: Signal) -> None:
        """Work until stopped; then record what the pool has finished meanwhile, and release the rest."""
        with TaskThreads(settings.SAGA_EFFECT_THREADS, "saga-effect") as pool:
            run_rounds("saga-effects", lambda failures: self._run_round(failures, pool, stop), stop)
        self._waiter.close()
        try:
            while self._record_finished():
                pass
        except Exception as error:  # their leases expire, and another worker performs them under the same keys
            log.warning("the results of %s effects were not recorded: %s", self.claimed, error)
        connections.close_all()

    def _run_round(self, failures: int, pool: TaskThreads, stop: Signal) -> None:
        self._waiter.wait(0)  # this round looks for everything that was signalled until now
        self._ask_again(self._waiter.take_signalled())
        if failures:
            self._ask_again(self._next_due)
            timers.release_claims(self.owner)
        work_done = self._record_finished()
        # With all threads busy, a finished effect ends the wait.
        effect_due_in_s = self._next_due[Channel.EFFECTS].in_s() if self.claimed < self.capacity else inf
        if effect_due_in_s <= 0:
            work_done += self._claim(pool, stop)
            self._ask_again([Channel.EFFECTS])
        timer_due_in_s = self._next_due[Channel.TIMERS].in_s()
        if timer_due_in_s <= 0:
            work_done += timers.fire_due_timers(self.owner, registry=self.registry)
            self._ask_again([Channel.TIMERS])
        if not work_done:
            release_connections()
            seconds = min(poll_interval_s(), effect_due_in_s, timer_due_in_s)
            if not self._waiter.wait(max(SHORTEST_WAIT_S, seconds)):
                self._ask_again(self._next_due)  # a signal may have been lost

    def _ask_again(self, channels: Iterable[str]) -> None:
        for channel in channels:
            self._next_due[Channel(channel)].forget()

    def _claim(self, pool: TaskThreads, stop: Signal) -> int:
        steps = effects.claim_effects(self.owner, self.capacity - self.claimed)
        self.claimed += len(steps)
        for number, step in enumerate(steps):
            try:
                pool.submit(partial(self._perform, step, stop))
            except RuntimeError:  # no thread can be started
                self._unperformed += steps[number:]
                raise
        return len(steps)

    def _perform(self, step: SagaStep, stop: Signal) -> None:
        """Perform an effect in a thread of the pool, which then releases its connection and waits for the next one."""
        finished: EffectAttempt | SagaStep = step
        try:
            if not stop.is_set():
                finished = attempt = effects.perform_effect(step, sagas=self.sagas)
                metrics.EFFECT_ATTEMPTS.labels(step.name, "failed" if attempt.error else "answered").inc()
            release_connections()
        except TRANSIENT_ERRORS as error:  # the worker that claims it next tries it again
            log.warning("%s of saga %s: %s", step.name, step.saga_id, error)
            close_connections()
        except BaseException as error:  # a handler may even exit: that ends neither thread nor process
            finished = EffectAttempt(step, None, f"{type(error).__name__}: {error}")
        finally:
            self._finished.put(finished)
            self._waiter.notify()

    def _record_finished(self) -> int:
        """Record a batch of attempts, and release effects that were not performed; what fails is kept and repeated."""
        while not self._finished.empty() and len(self._attempts) < BATCH:
            item = self._finished.get()
            (self._attempts if isinstance(item, EffectAttempt) else self._unperformed).append(item)  # type: ignore[arg-type]
        if self._attempts:
            _record(self._attempts)
        if self._unperformed:
            effects.release_claims(self._unperformed)
        if self._unperformed or any(attempt.result is None for attempt in self._attempts):
            self._ask_again([Channel.EFFECTS])  # they are due again, perhaps before others
        count = len(self._attempts) + len(self._unperformed)
        self.claimed -= count
        self._attempts, self._unperformed = [], []
        return count


def _record(attempts: Sequence[EffectAttempt]) -> None:
    """Record attempts together, or one by one when recording one of them fails."""
    try:
        effects.record_attempts(attempts)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # one effect must not keep back the others
        if len(attempts) == 1:
            log.exception("the result of %s of saga %s", attempts[0].step.name, attempts[0].step.saga_id)
            effects.record_attempts([EffectAttempt(attempts[0].step, None, f"{type(error).__name__}: {error}")])
            return
        for attempt in attempts:
            _record([attempt])
