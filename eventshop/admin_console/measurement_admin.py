"""Health over hours and days: charts of what was measured, each with a table of its values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.time_chart import TimeChart, draw_time_chart
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.history.models import Measurement
from eventshop.operations.history.reading import PERIODS, Period, Step, known_parts, read_steps, values_of
from eventshop.operations.history.recorder import EVENT_TABLE, PROJECTIONS, PUBLISHED, RATE
from eventshop.operations.history.request_tallies import GROUPS, REQUESTS
from eventshop.runtime.database_clock import database_now

DEFAULT_PERIOD: Final = "1d"


class ChartedFigure(NamedTuple):
    """A chart of the page: its title, the figure, whose it is, and how those of many parts become one."""

    title: str
    figure: str
    is_meant: Callable[[str], bool]
    combine: Callable[[Collection[float]], float] = sum


def _is_projection(part: str) -> bool:
    return part.startswith(PROJECTIONS)


def _is_other(part: str) -> bool:
    return not part.startswith((PROJECTIONS, PUBLISHED, REQUESTS))


#: Of the whole system.
OVERVIEW: Final = (
    ChartedFigure("Events appended per minute", RATE, lambda part: part == EVENT_TABLE),
    ChartedFigure("Events folded per minute, all projections together", RATE, _is_projection),
    ChartedFigure("Records published per minute", RATE, lambda part: part.startswith(PUBLISHED)),
    ChartedFigure("Requests per minute", RATE, lambda part: part == REQUESTS),
    ChartedFigure("Errors among 100 requests", "error_percent", lambda part: part == REQUESTS),
    ChartedFigure(
        "Milliseconds within which 99 of 100 requests are answered: the slowest group of routes",
        "p99_ms",
        lambda part: part.startswith(GROUPS),
        max,
    ),
    ChartedFigure("Seconds behind: the furthest projection", "wait_s", _is_projection, max),
    ChartedFigure("Events behind: the furthest projection", "waiting", _is_projection, max),
    ChartedFigure("Dead letters of all projections", "set_aside", _is_projection),
    ChartedFigure("Seconds that the oldest work of relay, sagas, timers or webhooks waits", "wait_s", _is_other, max),
    ChartedFigure("Work of these that waits, all together", "waiting", _is_other),
    ChartedFigure("Failed work that waits for somebody", "set_aside", _is_other),
)
#: Of one part.
FIGURES: Final = (
    ("State: 0 ok, 1 degraded, 2 failing", "state"),
    ("Seconds that the oldest event or work waits", "wait_s"),
    ("Events or work that wait", "waiting"),
    ("Set aside: dead letters, suspended, failed", "set_aside"),
    ("Events, records or requests per minute", RATE),
    ("Errors among 100 requests", "error_percent"),
    ("Milliseconds within which 99 of 100 requests are answered", "p99_ms"),
)
#: Of the lag of one projection.
LAG_FIGURES: Final = (
    ("Lag: events behind", "waiting"),
    ("Lag: seconds behind", "wait_s"),
    ("Events folded per minute", RATE),
)


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    access = NotLogged("how busy the parts were")
    list_display = ("at", "span")
    fieldsets = (section("Measured", "at", "span"), section("Parts", "parts"))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The charts of a period (`?period=`), of the whole system or of one part (`?part=`)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        key, part = chosen_period(request), request.GET.get("part", "")
        steps = read_steps(PERIODS[key], now=database_now())
        parts = known_parts(steps)
        if part and part not in parts:
            raise Http404("Nothing was measured of such a part in this period")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Health history",
            **period_context(key),
            "parts": parts,
            "part": part,
            "charts": draw_charts(steps, PERIODS[key], part),
        }
        return TemplateResponse(request, "console/health_history.html", context)


def chosen_period(request: HttpRequest) -> str:
    """The key of the period that the address chooses. Raises `Http404` for another."""
    key: str = request.GET.get("period", DEFAULT_PERIOD)
    if key not in PERIODS:
        raise Http404(f"There is no such period; there are {', '.join(PERIODS)}")
    return key


def period_context(key: str) -> dict[str, Any]:
    return {"periods": [(name, period.title) for name, period in PERIODS.items()], "period": key}


def draw_lag(name: str, key: str) -> dict[str, Any]:
    """What `templates/console/charts.html` draws of one projection's lag and pace in a period."""
    part = f"{PROJECTIONS}{name}"
    steps = read_steps(PERIODS[key], now=database_now())
    return {**period_context(key), "part": part, "charts": draw_charts(steps, PERIODS[key], part, LAG_FIGURES)}


def draw_charts(
    steps: Sequence[Step], period: Period, part: str = "", part_figures: Sequence[tuple[str, str]] = FIGURES
) -> list[tuple[str, TimeChart]]:
    """Title and chart of each figure that is known in the period; of the whole system without a part."""
    figures = (
        [ChartedFigure(title, figure, lambda name: name == part) for title, figure in part_figures]
        if part
        else OVERVIEW
    )
    begins = [begin for begin, _ in steps]
    charts = []
    for title, figure, is_meant, combine in figures:
        values = values_of(steps, figure, is_meant, combine)
        if any(value is not None for value in values):
            charts.append((title, draw_time_chart(begins, values, period.step)))
    return charts
