"""Running sagas: in threads until told to stop, or in this one until there is nothing left to do."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any, Final

from django.db import DatabaseError, connection, connections

from eventshop.core.errors import TailBusy
from eventshop.core.serialization import prepare_all_decoders
from eventshop.messaging.event_log import EventLog
from eventshop.sagas import effect_workers, effects, partition_leases, timers, wake_signals
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.saga_runner import SagaRunner
from eventshop.sagas.timers import TRANSIENT_ERRORS

log = logging.getLogger(__name__)

#: An idle thread looks again after 2 ms, then less and less often, down to this.
IDLE_S: Final = 0.05
#: As long as this worker has just worked, it looks this often: no signal tells of what others write for it.
BUSY_S: Final = 0.01
BUSY_FOR_S: Final = 0.5
#: However much there is to hear, commands that could not be sent are tried again this often.
RETRY_INTERVAL_S: Final = 0.2


def threads(owner: str, source: EventLog) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """What each thread of a worker is called and does. On SQLite, which has one writer, one thread hears and reacts."""
    prepare_all_decoders()  # what these threads read of the outside world is not in the registry
    ear, brain = EventRouter(f"{owner}/ear", source), SagaRunner(f"{owner}/brain")
    if connection.vendor == "sqlite":
        yield "sagas", lambda stop: _run(stop, "sagas", [ear, brain])
    else:
        yield "saga-events", lambda stop: _run(stop, "saga-events", [ear])
        yield "sagas", lambda stop: _run(stop, "sagas", [brain])
    yield from effect_workers.threads(owner)
    yield "timers", lambda stop: timers.run(owner, stop)


def run_until_idle(owner: str, source: EventLog, *, timeout_s: float = 30, **options: Any) -> int:
    """Let every saga hear and do all there is now, in this thread; how many inputs that took. For tests and tools."""
    ear, brain = EventRouter(owner, source, **options), SagaRunner(owner, **options)
    sagas = {"sagas": options["sagas"]} if "sagas" in options else {}
    give_up, heard = monotonic() + timeout_s, 0
    try:
        ear.renew_leases(1)
        brain.renew_leases(1)
        while True:
            try:
                moved = (
                    ear.route_events()
                    + (reacted := brain.process_inbox())
                    + brain.retry_pending_commands()
                    + timers.fire_due_timers(owner)
                )
            except TailBusy:
                if monotonic() > give_up:
                    raise
                sleep(0.01)
                continue
            heard += reacted
            taken = effects.claim_effects(owner, 100)
            effects.record_attempts([effects.perform_effect(step, **sagas) for step in taken])
            moved += len(taken)
            if not moved and ear.reader.is_at_end(partition_leases.offsets_of(ear.leases)):
                return heard
    finally:
        ear.close()
        partition_leases.release_leases(owner)


def _run(stop: Signal, name: str, parts: Sequence[EventRouter | SagaRunner]) -> None:
    """Hear and react until told to stop. A database that is away is waited for; shares are given back at the end."""
    care_at, failures, idle, worked_at = 0.0, 0, 0.002, 0.0
    while not stop.is_set():
        try:
            if monotonic() >= care_at:
                _lease(parts)
                care_at = monotonic() + partition_leases.RENEW_INTERVAL_S
            moved = sum(_step(part) for part in parts)
            failures = 0
        except (TailBusy, LeaseLost) as busy:
            log.info("%s: %s", name, busy)
            moved, care_at = 0, 0.0 if isinstance(busy, LeaseLost) else care_at
        except Exception as error:  # a worker outlives whatever happens to one round, and says so
            failures += 1
            log.warning("%s: trying again: %s", name, error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
            connections.close_all()
            care_at = 0.0
            stop.wait(min(10.0, 0.1 * 2 ** min(failures, 10)) * random.uniform(0.5, 1))  # noqa: S311
            continue
        if moved:
            idle, worked_at = 0.002, monotonic()
        else:
            idle = min(BUSY_S if monotonic() < worked_at + BUSY_FOR_S else IDLE_S, idle * 2)
            _rest(parts, idle, stop)
    _end(parts)


def _lease(parts: Sequence[EventRouter | SagaRunner]) -> None:
    for part in parts:
        part.renew_leases(partition_leases.register_worker(part.owner, part.kind))


def _step(part: EventRouter | SagaRunner) -> int:
    if isinstance(part, EventRouter):
        return part.route_events()
    heard = part.process_inbox()
    if monotonic() >= part.last_retry_at + (RETRY_INTERVAL_S if heard else IDLE_S):
        heard += part.retry_pending_commands()
    return heard


def _rest(parts: Sequence[EventRouter | SagaRunner], idle: float, stop: Signal) -> None:
    """Until there may be something: an ear waits at the log, a brain for whoever writes an input."""
    if len(parts) == 1 and isinstance(parts[0], EventRouter):
        parts[0].reader.wait(idle, stop)
    elif len(parts) == 1:
        wake_signals.inbox.wait(idle)
        wake_signals.inbox.clear()
    else:
        stop.wait(idle)


def _end(parts: Sequence[EventRouter | SagaRunner]) -> None:
    for part in parts:
        if isinstance(part, EventRouter):
            part.close()
        try:
            partition_leases.release_leases(part.owner)
        except DatabaseError as error:
            log.warning("shares not given back, they run out by themselves: %s", error)
    connections.close_all()
