"""Reads the history for charts: one value for each step of a period, of one part or of many together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from eventshop.operations.history.models import Measurement
from eventshop.operations.history.recorder import RATE, summarise

#: The figures of each part of one step; None: nothing was measured.
Step: TypeAlias = tuple[datetime, Mapping[str, Mapping[str, float]] | None]


class Period(NamedTuple):
    """A period that ends now: how long it is, how long each of its steps is, and the rows that it is read from."""

    title: str
    length: timedelta
    step: timedelta
    span: Measurement.Span


PERIODS: Final[Mapping[str, Period]] = {
    "3h": Period("3 hours", timedelta(hours=3), timedelta(minutes=2), Measurement.Span.MINUTE),
    "1d": Period("24 hours", timedelta(days=1), timedelta(minutes=15), Measurement.Span.MINUTE),
    "3d": Period("3 days", timedelta(days=3), timedelta(minutes=45), Measurement.Span.MINUTE),
    "30d": Period("30 days", timedelta(days=30), timedelta(hours=8), Measurement.Span.HOUR),
    "1y": Period("a year", timedelta(days=365), timedelta(days=4), Measurement.Span.HOUR),
}


def read_steps(period: Period, *, now: datetime) -> list[Step]:
    """Each step of the period with its rows as one, oldest first; one statement. `now` is in the last step."""
    end = now.timestamp() // period.step.total_seconds() + 1
    count = round(period.length / period.step)
    begins = [_time((end - back) * period.step.total_seconds(), now) for back in range(count, 0, -1)]
    found: list[list[Mapping[str, Mapping[str, float]]]] = [[] for _ in begins]
    rows = Measurement.objects.filter(span=period.span, at__gte=begins[0]).order_by("at").values_list("at", "parts")
    for at, parts in rows.iterator():
        number = int((at - begins[0]) / period.step)
        if number < count:
            found[number].append(parts)
    return [(begin, summarise(rows) if rows else None) for begin, rows in zip(begins, found, strict=True)]


def known_parts(steps: Iterable[Step]) -> list[str]:
    """The names of all parts that were measured."""
    return sorted({name for _, parts in steps if parts for name in parts})


def values_of(
    steps: Sequence[Step],
    figure: str,
    is_meant: Callable[[str], bool],
    combine: Callable[[Collection[float]], float] = sum,
) -> list[float | None]:
    """One value a step: the figure of all parts that are meant, combined; None where it is not known."""
    return [_value(parts, figure, is_meant, combine) for _, parts in steps]


def _value(
    parts: Mapping[str, Mapping[str, float]] | None,
    figure: str,
    is_meant: Callable[[str], bool],
    combine: Callable[[Collection[float]], float],
) -> float | None:
    meant = [figures for name, figures in (parts or {}).items() if is_meant(name)]
    if figure == RATE:  # a figure that is left out is 0, but a rate that is left out is not known
        meant = [figures for figures in meant if RATE in figures]
    return combine([figures.get(figure, 0) for figures in meant]) if meant else None


def _time(seconds: float, like: datetime) -> datetime:
    return datetime.fromtimestamp(seconds, like.tzinfo)
