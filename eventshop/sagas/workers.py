"""Run sagas: in threads until they are stopped, or in the calling thread until nothing is left to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any, Final

from django.db import DatabaseError, connection, connections

from eventshop.core.errors import TailBusy
from eventshop.core.serialization import prepare_all_decoders
from eventshop.messaging.event_log import EventLog
from eventshop.runtime.worker_loop import run_rounds
from eventshop.sagas import effect_workers, effects, partition_leases, timers, wake_signals
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.saga_runner import SagaRunner

log = logging.getLogger(__name__)

#: The longest interval at which an idle thread polls; it starts at 2 ms and doubles.
IDLE_S: Final = 0.05
#: The longest interval for `BUSY_FOR_S` after work: no signal reports what other processes write.
BUSY_S: Final = 0.01
BUSY_FOR_S: Final = 0.5
#: How often pending commands are tried again, however many inbox messages there are.
RETRY_INTERVAL_S: Final = 0.2


def threads(owner: str, source: EventLog) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """Name and target of each thread of a worker. On SQLite, which has one writer, one thread routes and runs."""
    prepare_all_decoders()  # messages of external systems are not in the registry
    router, runner = EventRouter(f"{owner}/router", source), SagaRunner(f"{owner}/runner")
    if connection.vendor == "sqlite":
        yield "sagas", lambda stop: _run_loop(stop, "sagas", [router, runner])
    else:
        yield "saga-events", lambda stop: _run_loop(stop, "saga-events", [router])
        yield "sagas", lambda stop: _run_loop(stop, "sagas", [runner])
    yield from effect_workers.threads(owner)
    yield "timers", lambda stop: timers.run(owner, stop)


def run_until_idle(owner: str, source: EventLog, *, timeout_s: float = 30, **options: Any) -> int:
    """Process all events, messages, effects and due timers in this thread. For tests and tools.

    Returns how many inbox messages were processed.
    """
    router, runner = EventRouter(owner, source, **options), SagaRunner(owner, **options)
    effect_options = {"sagas": options["sagas"]} if "sagas" in options else {}
    deadline, total = monotonic() + timeout_s, 0
    try:
        router.renew_leases(1)
        runner.renew_leases(1)
        while True:
            try:
                routed, processed = router.route_events(), runner.process_inbox()
                work_done = routed + processed + runner.retry_pending_commands() + timers.fire_due_timers(owner)
            except TailBusy:
                if monotonic() > deadline:
                    raise
                sleep(0.01)
                continue
            total += processed
            claimed = effects.claim_effects(owner, 100)
            effects.record_attempts([effects.perform_effect(step, **effect_options) for step in claimed])
            work_done += len(claimed)
            if not work_done and router.reader.is_at_end(partition_leases.offsets_of(router.leases)):
                return total
    finally:
        router.close()
        partition_leases.release_leases(owner)


def _run_loop(stop: Signal, name: str, components: Sequence[EventRouter | SagaRunner]) -> None:
    """Route and run until stopped; leases are released at the end."""
    renew_at, idle, worked_at = 0.0, 0.002, 0.0

    def run_round(failures: int) -> None:
        nonlocal renew_at, idle, worked_at
        try:
            if failures or monotonic() >= renew_at:
                _renew_leases(components)
                renew_at = monotonic() + partition_leases.RENEW_INTERVAL_S
            work_done = sum(_run_batch(component) for component in components)
        except (TailBusy, LeaseLost) as error:
            log.info("%s: %s", name, error)
            work_done, renew_at = 0, 0.0 if isinstance(error, LeaseLost) else renew_at
        if work_done:
            idle, worked_at = 0.002, monotonic()
        else:
            idle = min(BUSY_S if monotonic() < worked_at + BUSY_FOR_S else IDLE_S, idle * 2)
            _wait_for_work(components, idle, stop)

    run_rounds(name, run_round, stop)
    _close(components)


def _renew_leases(components: Sequence[EventRouter | SagaRunner]) -> None:
    for component in components:
        component.renew_leases(partition_leases.register_worker(component.owner, component.kind))


def _run_batch(component: EventRouter | SagaRunner) -> int:
    if isinstance(component, EventRouter):
        return component.route_events()
    work_done = component.process_inbox()
    if monotonic() >= component.last_retry_at + (RETRY_INTERVAL_S if work_done else IDLE_S):
        work_done += component.retry_pending_commands()
    return work_done


def _wait_for_work(components: Sequence[EventRouter | SagaRunner], idle: float, stop: Signal) -> None:
    """A router alone waits for the log; a runner alone waits for the signal of a new inbox message."""
    if len(components) == 1 and isinstance(components[0], EventRouter):
        components[0].reader.wait(idle, stop)
    elif len(components) == 1:
        wake_signals.inbox.wait(idle)
        wake_signals.inbox.clear()
    else:
        stop.wait(idle)


def _close(components: Sequence[EventRouter | SagaRunner]) -> None:
    for component in components:
        if isinstance(component, EventRouter):
            component.close()
        try:
            partition_leases.release_leases(component.owner)
        except DatabaseError as error:
            log.warning("leases were not released and will expire: %s", error)
    connections.close_all()
