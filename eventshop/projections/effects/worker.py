"""The thread of a worker that performs effects: woken by events, it sleeps until the next effect is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event as Signal
from typing import Final
from uuid import UUID

from eventshop.core.errors import TailBusy
from eventshop.projections.effects.collecting import EffectCollector
from eventshop.projections.effects.effect_projection import effect_projections
from eventshop.projections.effects.performing import perform_due, seconds_until_due
from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s
from eventshop.runtime.worker_loop import run_rounds
from eventshop.runtime.worker_threads import WorkerThreadsStep

#: After a wake, events that follow shortly are collected together: a letter or a document may be that late.
GATHER_S: Final = 0.25


def perform_effects(*, person: UUID | None = None) -> int:
    """Collect what has happened and perform what is due (for a person), in the calling thread; return how many."""
    for projection in effect_projections():
        EffectCollector(projection).collect()
    count = 0
    while tried := perform_due(person=person):
        count += tried
    return count


class EffectWorker:
    """Collects and performs the effects of all projections until it is stopped."""

    def __init__(self) -> None:
        self._waiter = Waiter(Channel.EVENTS, Channel.PROJECTED_EFFECTS)
        self._collectors = [EffectCollector(projection) for projection in effect_projections()]

    def run(self, stop: Signal) -> None:
        """Work until stopped; an effect that is being performed ends first, the others become due again."""
        run_rounds("projected effects", lambda failures: self._run_round(stop), stop)
        self._waiter.close()

    def _run_round(self, stop: Signal) -> None:
        self._waiter.wait(0)  # this round looks for everything that was signalled until now
        for collector in self._collectors:
            with suppress(TailBusy):
                collector.collect()
        if perform_due(stop):
            return
        seconds = min(poll_interval_s(), seconds_until_due())
        release_connections()
        if self._waiter.wait(max(GATHER_S, seconds)):
            stop.wait(GATHER_S)


class EffectBootstep(WorkerThreadsStep):
    """Performs projected effects in every Celery worker; each effect is claimed by one of them."""

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        if effect_projections():
            yield "projected effects", EffectWorker().run
