"""Verifies all hash chains of the store, in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.hash_chain.verification import (
    FIRST_STREAM_ID,
    LAST_STREAM_ID,
    ChainFault,
    ChainHead,
    VerificationResult,
    verify_streams,
)
from eventshop.eventstore.models import StoredEvent
from eventshop.runtime import process_pool

#: Streams in one task; a process takes the next task when it has finished one.
STREAMS_PER_TASK: Final = 2_000
#: With fewer events, one process finishes before further processes have started.
SINGLE_PROCESS_MAX_EVENTS: Final = 50_000


class VerificationTask(NamedTuple):
    """The arguments of `verify_streams`."""

    after_stream: UUID
    to_stream: UUID
    signed_heads: dict[UUID, ChainHead]


def verify_chains(
    signed_heads: Iterable[ChainHead] = (),
    *,
    processes: int = 1,
    report_progress: Callable[[int], None] = lambda events: None,
) -> VerificationResult:
    """Verify every chain; faults are ordered by position. `report_progress` gets the number of events so far."""
    tasks = list(_split_tasks(signed_heads))
    events = streams = 0
    faults = list[ChainFault]()
    for result in (
        _verify_sequentially(tasks, report_progress)
        if processes == 1
        else process_pool.parallel_map(verify_streams, tasks, processes)
    ):
        events, streams = events + result.events, streams + result.streams
        faults += result.faults
        report_progress(events)
    return VerificationResult(events, streams, sorted(faults))


def _split_tasks(signed_heads: Iterable[ChainHead]) -> Iterator[VerificationTask]:
    heads = {head.aggregate_id: head for head in signed_heads}
    remaining = sorted(heads, reverse=True)
    after = FIRST_STREAM_ID
    for to in [*_task_bounds(), LAST_STREAM_ID]:
        task_heads: dict[UUID, ChainHead] = {}
        while remaining and remaining[-1] <= to:
            stream = remaining.pop()
            task_heads[stream] = heads[stream]
        yield VerificationTask(after, to, task_heads)
        after = to


def _task_bounds() -> list[UUID]:
    """Return every `STREAMS_PER_TASK`-th stream id, in order."""
    ids = StoredEvent.objects.filter(version=1).order_by("aggregate_id").values_list("aggregate_id", flat=True)
    return [
        stream for place, stream in enumerate(ids.iterator(chunk_size=10_000), start=1) if place % STREAMS_PER_TASK == 0
    ]


def _verify_sequentially(
    tasks: Iterable[VerificationTask], report_progress: Callable[[int], None]
) -> Iterator[VerificationResult]:
    total = 0

    def add_page(events: int) -> None:
        nonlocal total
        total += events
        report_progress(total)

    for task in tasks:
        yield verify_streams(*task, add_page)
