"""All chains of the store at once, in as many processes as there are to spare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.eventstore.hash_chain.verification import FIRST, LAST, Fault, Head, Walked, walk
from eventshop.eventstore.models import StoredEvent
from eventshop.runtime import process_pool

#: Streams of one piece of work; a process takes the next piece when it is through with one.
STREAMS: Final = 2_000
#: Below so many events one process is through before others have started.
FEW: Final = 50_000


class Piece(NamedTuple):
    """What `walk` takes."""

    after: UUID
    to: UUID
    signed: dict[UUID, Head]


def verify(
    signed: Iterable[Head] = (), *, processes: int = 1, told: Callable[[int], None] = lambda events: None
) -> Walked:
    """Walk every chain; faults by the position at which they show. `told` hears how many events are done so far."""
    work = list(_pieces(signed))
    events = streams = 0
    faults = list[Fault]()
    for walked in _alone(work, told) if processes == 1 else process_pool.each(walk, work, processes):
        events, streams = events + walked.events, streams + walked.streams
        faults += walked.faults
        told(events)
    return Walked(events, streams, sorted(faults))


def _pieces(signed: Iterable[Head]) -> Iterator[Piece]:
    heads = {head.aggregate_id: head for head in signed}
    ordered = sorted(heads, reverse=True)
    after = FIRST
    for to in [*_bounds(), LAST]:
        inside: dict[UUID, Head] = {}
        while ordered and ordered[-1] <= to:
            stream = ordered.pop()
            inside[stream] = heads[stream]
        yield Piece(after, to, inside)
        after = to


def _bounds() -> list[UUID]:
    """Every so-manieth stream's id, in order."""
    ids = StoredEvent.objects.filter(version=1).order_by("aggregate_id").values_list("aggregate_id", flat=True)
    return [stream for place, stream in enumerate(ids.iterator(chunk_size=10_000), start=1) if place % STREAMS == 0]


def _alone(work: Iterable[Piece], told: Callable[[int], None]) -> Iterator[Walked]:
    done = 0

    def page(events: int) -> None:
        nonlocal done
        done += events
        told(done)

    for piece in work:
        yield walk(*piece, page)
