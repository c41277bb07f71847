"""A chart of values over time as SVG, drawn on the server: a time axis in the shop's zone, and an axis of values.

Places are percentages of the plot's width and height, so that texts keep their size on every screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final, NamedTuple

from django.utils import timezone
from django.utils.formats import number_format

#: Distances of the ticks of a time axis, of which the first is taken that leaves few enough.
TIME_STEPS: Final = (
    *(timedelta(minutes=minutes) for minutes in (10, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 56, 91)),
)
MAX_TIME_TICKS: Final = 6
MAX_VALUE_TICKS: Final = 5
#: The plot's own coordinates, which are stretched to its size.
SIZE: Final = 1000


class Tick(NamedTuple):
    """A line of the grid: its place in per cent, its text, and below it the date where another day begins."""

    percent: float
    text: str
    date: str = ""


class TimeChart(NamedTuple):
    """What `templates/console/time_chart.html` draws; `path` is empty where no value is known."""

    path: str
    times: list[Tick]
    values: list[Tick]
    zone: str
    rows: list[tuple[datetime, str]]  # every step with its value as text, the newest first


def draw_time_chart(begins: Sequence[datetime], values: Sequence[float | None], step: timedelta) -> TimeChart:
    """The chart of one value for each step; None leaves a gap."""
    begin, end = begins[0], begins[-1] + step
    value_step = nice_step(max((value for value in values if value is not None), default=0.0))
    top = value_step * MAX_VALUE_TICKS
    points = [
        None if value is None else (SIZE * ((at - begin) / (end - begin)), SIZE * (1 - value / top))
        for at, value in zip(begins, values, strict=True)
    ]
    return TimeChart(
        path=" ".join(_lines(points, SIZE * (step / (end - begin)))),
        times=time_ticks(begin, end),
        values=[
            Tick(round(100 - 100 * number / MAX_VALUE_TICKS, 2), _text(number * value_step))
            for number in range(MAX_VALUE_TICKS + 1)
        ],
        zone=timezone.get_current_timezone_name(),
        rows=[
            (timezone.localtime(at), "not measured" if value is None else _text(value))
            for at, value in reversed(list(zip(begins, values, strict=True)))
        ],
    )


def _lines(points: Sequence[tuple[float, float] | None], width: float) -> Iterator[str]:
    """The commands of an SVG path: each step is a level as wide as it is, connected with its neighbours."""
    is_connected = False
    for point in points:
        if point is not None:
            x, y = point
            yield f"{'L' if is_connected else 'M'}{x:.1f} {y:.1f}H{x + width:.1f}"
        is_connected = point is not None


def nice_step(highest: float) -> float:
    """The distance of the ticks of values: 1, 2 or 5 times a power of ten, at least 1."""
    least = max(highest / MAX_VALUE_TICKS, 1.0)
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def time_ticks(begin: datetime, end: datetime) -> list[Tick]:
    """Ticks at full hours or days of the shop's zone; a day is as long as it is there."""
    step = next((step for step in TIME_STEPS if (end - begin) / step <= MAX_TIME_TICKS), TIME_STEPS[-1])
    first = timezone.localtime(begin)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    whole = max(ceil((first.replace(tzinfo=None) - midnight) / step), 0)
    ticks: list[Tick] = []
    last_date = ""
    for number in range(whole, whole + MAX_TIME_TICKS + 2):
        at = timezone.make_aware(midnight + number * step)
        if begin <= at <= end:
            local = timezone.localtime(at)
            date = f"{local:%-d %b}" if local.year == first.year else f"{local:%-d %b %Y}"
            is_day = step >= timedelta(days=1)
            ticks.append(_tick(at, begin, end, date if is_day else f"{local:%H:%M}", "" if is_day else date, last_date))
            last_date = date
    return ticks


def _tick(at: datetime, begin: datetime, end: datetime, text: str, date: str, last_date: str) -> Tick:
    return Tick(round(100 * ((at - begin) / (end - begin)), 2), text, "" if date == last_date else date)


def _text(value: float) -> str:
    """A number as people of the shop write it, with a decimal only if it has one."""
    return number_format(round(value, 1), decimal_pos=0 if value == round(value) else 1, force_grouping=True)
