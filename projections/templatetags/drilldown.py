"""A date drill-down (year, month, day) for admin lists, at the cost of two indexed look-ups.

Django's own date hierarchy asks the database for every distinct month, which reads the whole table.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime
from typing import Any, NamedTuple

from django.template import Library
from django.utils import timezone

register = Library()


class DateLink(NamedTuple):
    """One link: a year, month or day."""

    text: str
    url: str


@register.inclusion_tag("projections/drilldown.html")
def drilldown(cl: Any) -> dict[str, Any]:
    """The links to the enclosing periods and to the periods within the current one."""
    field = cl.date_hierarchy
    year, month, day = (_number(cl.params.get(f"{field}__{part}")) for part in ("year", "month", "day"))
    extent = date_range(cl.model, field)

    def to(text: str, *parts: int) -> DateLink:
        names = dict(zip((f"{field}__year", f"{field}__month", f"{field}__day"), parts, strict=False))
        return DateLink(text, cl.get_query_string(names, [f"{field}__"]))

    if extent is None:
        return {"choices": []}
    parents = [to("All dates")]
    if year:
        parents.append(to(str(year), year))
    if year and month:
        parents.append(to(f"{calendar.month_name[month]} {year}", year, month))
    if year and month and day:
        parents.append(to(f"{day} {calendar.month_name[month]} {year}", year, month, day))
    return {"above": parents[:-1], "here": parents[-1].text, "choices": _choices(to, extent, year, month, day)}


def _choices(to: Any, extent: tuple[date, date], year: int, month: int, day: int) -> list[DateLink]:
    first, last = extent
    if not year:
        return [to(str(number), number) for number in range(first.year, last.year + 1)]
    if not month:
        months = ((number, date(year, number, 1)) for number in range(1, 13))
        return [
            to(calendar.month_name[number], year, number)
            for number, begins in months
            if first.replace(day=1) <= begins <= last
        ]
    if not day:
        days = (date(year, month, number) for number in range(1, calendar.monthrange(year, month)[1] + 1))
        return [to(str(date_.day), year, month, date_.day) for date_ in days if first <= date_ <= last]
    return []


def date_range(model: Any, field: str) -> tuple[date, date] | None:
    values = model._default_manager.order_by(field).values_list(field, flat=True)
    first, last = values.first(), values.last()
    return None if first is None else (_day(first), _day(last))


def _day(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 4 else 0
