"""Run sagas: in threads until they are stopped, or in the calling thread until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any

from eventshop.core.errors import TailBusy
from eventshop.core.serialization import prepare_all_decoders
from eventshop.runtime import wake_signals
from eventshop.sagas import effects, timers
from eventshop.sagas.effect_workers import EffectWorker
from eventshop.sagas.saga_worker import SagaWorker


def threads(owner: str) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """Name and target of each thread of a worker. `wake_signals.wake_all` ends their waits when they are to stop."""
    prepare_all_decoders()  # messages of external systems are not in the registry
    wake_signals.start_listening()
    yield "sagas", SagaWorker(owner).run
    yield "saga-effects", EffectWorker(owner).run


def run_until_idle(owner: str, *, timeout_s: float = 30, **options: Any) -> int:
    """Process all events, messages, effects and due timers in this thread. For tests and tools.

    Returns how many inbox messages were processed.
    """
    worker = SagaWorker(owner, **options)
    effect_options = {"sagas": options["sagas"]} if "sagas" in options else {}
    deadline, total = monotonic() + timeout_s, 0
    try:
        worker.renew_leases()
        while True:
            try:
                routed, processed = worker.router.route_events(), worker.runner.process_inbox()
                work_done = routed + processed + worker.runner.retry_pending_commands()
                work_done += timers.fire_due_timers(owner)
            except TailBusy:
                if monotonic() > deadline:
                    raise
                sleep(0.01)
                continue
            total += processed
            claimed = effects.claim_effects(owner, 100)
            effects.record_attempts([effects.perform_effect(step, **effect_options) for step in claimed])
            if not work_done + len(claimed):
                return total
    finally:
        worker.close()
