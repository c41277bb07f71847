"""Requests of web servers for the history: each process writes what it has counted, by group of routes, to a table.

The recorder reads the last minute of it. A group is the first part of a route, of the API the resource: few names, all
from the code.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from time import sleep
from typing import Final

from django.db import DatabaseError

from eventshop.operations.history.models import RequestTally
from eventshop.runtime.connections import close_connections
from eventshop.runtime.database_clock import database_now
from eventshop.runtime.metrics import REQUEST_BUCKETS

log = logging.getLogger(__name__)

#: How often a process writes, at most; one that answers nothing writes nothing.
WRITTEN_EVERY_S: Final = 10.0
#: What the recorder reads, and how long the rows are kept for it.
READ_BACK: Final = timedelta(minutes=1)
KEPT: Final = timedelta(minutes=15)
#: The part of the history that has all groups together, and what the names of single groups begin with.
REQUESTS: Final = "requests"
GROUPS: Final = "requests/"

_lock: Final = Lock()
_added: Final = Event()
_tallies: dict[str, _Tally] = {}


class _Tally:
    """What was counted of one group since the last write."""

    def __init__(self) -> None:
        self.requests = self.errors = 0
        self.buckets = [0] * (len(REQUEST_BUCKETS) + 1)


def group_of(route: str) -> str:
    """The group of a URL pattern; an empty pattern is the home page."""
    words = [word for word in route.strip("^/$").split("/") if word]
    if words[:1] == ["api"]:
        return "api " + (words[2] if len(words) > 2 else "")
    return words[0] if words and "<" not in words[0] else "home"


def tally(responses: Iterable[tuple[str, int, float]]) -> None:
    """Count responses: route, status and seconds of each."""
    with _lock:
        for route, status, seconds in responses:
            counted = _tallies.setdefault(group_of(route), _Tally())
            counted.requests += 1
            counted.errors += status >= 500
            counted.buckets[bisect_left(REQUEST_BUCKETS, seconds)] += 1
    _added.set()


def write_tallies() -> None:
    """Write what this process has counted since the last time."""
    with _lock:
        counted = dict(_tallies)
        _tallies.clear()
    now = database_now()
    RequestTally.objects.bulk_create(
        RequestTally(at=now, group=group, requests=one.requests, errors=one.errors, buckets=one.buckets)
        for group, one in counted.items()
    )


def start_writing() -> None:
    """Write from now on, in a thread of this process; it sleeps while nothing is counted."""
    Thread(target=_write_for_ever, name="request-tallies", daemon=True).start()


def _write_for_ever() -> None:
    while _added.wait():
        sleep(WRITTEN_EVERY_S)
        _added.clear()
        try:
            write_tallies()
        except DatabaseError as error:  # these requests are missing in the history
            log.warning("the requests of the last seconds were not written: %s", type(error).__name__)
        finally:
            close_connections()


def read_figures(now: datetime) -> Mapping[str, dict[str, float]]:
    """The figures of the last minute by part of the history; forgets what is older than `KEPT`."""
    RequestTally.objects.filter(at__lt=now - KEPT).delete()
    rows = RequestTally.objects.filter(at__gt=now - READ_BACK, at__lte=now)
    by_group: dict[str, list[tuple[int, int, list[int]]]] = defaultdict(list)
    for group, *found in rows.values_list("group", "requests", "errors", "buckets"):
        by_group[GROUPS + group].append((found[0], found[1], found[2]))
    return dict(_figures_by_part(by_group))


def _figures_by_part(
    by_group: Mapping[str, Sequence[tuple[int, int, list[int]]]],
) -> Iterator[tuple[str, dict[str, float]]]:
    everything = [row for rows in by_group.values() for row in rows]
    for part, rows in {REQUESTS: everything, **by_group}.items():
        requests, errors = sum(row[0] for row in rows), sum(row[1] for row in rows)
        figures = {"rate": float(requests), "errors": float(errors)}
        if requests:
            figures["error_percent"] = round(100 * errors / requests, 2)
            figures["p99_ms"] = round(
                1_000 * quantile([sum(each) for each in zip(*(row[2] for row in rows), strict=True)]), 1
            )
        yield part, {name: value for name, value in figures.items() if value or name == "rate"}


def quantile(buckets: Sequence[int], share: float = 0.99) -> float:
    """The seconds within which this share was answered, interpolated in its bucket; at most the last bound."""
    wanted, below, lower = share * sum(buckets), 0, 0.0
    for bound, count in zip(REQUEST_BUCKETS, buckets, strict=False):
        if below + count >= wanted:
            return lower + (bound - lower) * (wanted - below) / count
        below, lower = below + count, bound
    return REQUEST_BUCKETS[-1]
