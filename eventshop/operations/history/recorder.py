"""Writes the history: one row a minute of what health measures, and one an hour that summarises its minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from statistics import fmean
from typing import Final, TypeAlias

from django.db.models import Sum

from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.health_checks import ComponentHealth, check_components
from eventshop.operations.history.models import Measurement
from eventshop.operations.history.request_tallies import read_figures
from eventshop.projections.models import Checkpoint
from eventshop.projections.targets import REBUILD_SUFFIX
from eventshop.runtime.database_clock import database_now

Figures: TypeAlias = dict[str, float]
Span: Final = Measurement.Span

#: The parts whose rate is known from what they have done so far: names as in `parts`.
EVENT_TABLE: Final = "event table"
PROJECTIONS: Final = "projections/"
PUBLISHED: Final = "published/"
#: The figure that an hour has as its mean; of the others it has the highest.
RATE: Final = "rate"
#: A rate is not made of counts that are further apart.
MAX_GAP: Final = timedelta(minutes=15)


def record_minute(*, now: datetime | None = None) -> str:
    """Store what health measures now, and summarise the hours that have ended. `now`: by the database's clock."""
    now = now or database_now()
    totals = count_totals()
    parts = dict(_figures_of(check_components()))
    for name, rate in _rates(totals, now):
        parts.setdefault(name, {})[RATE] = rate
    parts |= read_figures(now)
    minute = now.replace(second=0, microsecond=0)
    values = {"parts": parts, "totals": {"at": now.timestamp(), "counts": totals}}
    Measurement.objects.update_or_create(span=Span.MINUTE, at=minute, defaults=values)
    hours = summarise_hours(now)
    return f"{len(parts)} parts measured" + (f"; {hours} hours summarised" if hours else "")


def count_totals() -> dict[str, int]:
    """What was appended, folded and published so far; three statements. A rebuild begins at 0 again."""
    live = Checkpoint.objects.exclude(projection__endswith=REBUILD_SUFFIX).order_by()
    folded = live.values_list("projection").annotate(Sum("events"))
    published = RelayCheckpoint.objects.values_list("topic", "position")
    return {
        EVENT_TABLE: newest_position(),
        **{PROJECTIONS + name: events for name, events in folded},
        **{PUBLISHED + topic: position for topic, position in published},
    }


def _figures_of(components: Sequence[ComponentHealth]) -> Iterator[tuple[str, Figures]]:
    """The figures of each component, and of its parts as `component/part`."""
    for component in components:
        yield component.name, _figures(component)
        for part in component.parts:
            yield f"{component.name}/{part.name}", _figures(part)


def _figures(part: ComponentHealth) -> Figures:
    figures: Figures = {"state": part.state.severity}
    if part.progress:
        progress = part.progress
        figures |= {
            "waiting": progress.behind,
            "wait_s": round(progress.behind_s, 1),
            "set_aside": progress.set_aside,
        }
    return {name: value for name, value in figures.items() if value}


def _rates(totals: Mapping[str, int], now: datetime) -> Iterator[tuple[str, float]]:
    """The rate per minute of each count since the row before; none where it was longer ago, or the count fell."""
    before = Measurement.objects.filter(span=Span.MINUTE).order_by("-at").values_list("totals", flat=True).first()
    seconds = now.timestamp() - before["at"] if before else 0.0
    if not before or not 0 < seconds <= MAX_GAP.total_seconds():
        return
    for name, total in totals.items():
        if name in before["counts"] and total >= before["counts"][name]:
            yield name, round((total - before["counts"][name]) * 60 / seconds, 1)


def summarise_hours(now: datetime) -> int:
    """Make the row of each hour that has ended since the newest one; returns how many."""
    newest = Measurement.objects.filter(span=Span.HOUR).order_by("-at").values_list("at", flat=True).first()
    minutes = Measurement.objects.filter(span=Span.MINUTE, at__lt=_hour_of(now)).order_by("at")
    if newest:
        minutes = minutes.filter(at__gte=newest + timedelta(hours=1))
    by_hour = groupby(minutes.values_list("at", "parts"), key=lambda row: _hour_of(row[0]))
    hours = [
        Measurement(span=Span.HOUR, at=hour, parts=summarise([parts for _, parts in rows])) for hour, rows in by_hour
    ]
    Measurement.objects.bulk_create(hours, ignore_conflicts=True)
    return len(hours)


def summarise(rows: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Figures]:
    """The figures of several rows as those of one: rates as their mean, all others as the highest."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _summary([row[name] for row in rows if name in row]) for name in names}


def _summary(rows: Iterable[Mapping[str, float]]) -> Figures:
    values: dict[str, list[float]] = {}
    for row in rows:
        for figure, value in row.items():
            values.setdefault(figure, []).append(value)
    return {figure: round(fmean(found), 1) if figure == RATE else max(found) for figure, found in values.items()}


def _hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)
