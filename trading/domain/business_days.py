"""Business days: on which days money and securities change hands, and until when."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from trading.domain.errors import UnknownCalendar

#: When a settlement day's deliveries are done, on the calendar's own clocks.
DONE_BY: Final = time(16, 0)


class Calendar(Struct, frozen=True):
    """Whose days they are: a time zone, and which of its days are none of business."""

    zone: ZoneInfo
    is_business_day: Callable[[date], bool]


def _of(market: str) -> Callable[[date], bool]:
    """Neither a weekend nor one of the market's own holidays, which follow from rules and are known for any year."""
    return lambda day: day.weekday() < 5 and day not in _closed(market)


@cache
def _closed(market: str) -> Container[date]:
    # Here, not above: it knows every country's holidays, and every process would take a tenth longer to start.
    import holidays

    return holidays.financial_holidays(market)


CALENDARS: Final = {
    "EVERY_DAY": Calendar(ZoneInfo("UTC"), lambda day: True),
    "TARGET": Calendar(ZoneInfo("Europe/Berlin"), _of("ECB")),
    "NYSE": Calendar(ZoneInfo("America/New_York"), _of("NYSE")),
}


def settles_at(calendar: str, executed_at: datetime, days: int) -> datetime:
    """The moment after so many business days; raises `UnknownCalendar`. Without any, it settles as it is executed."""
    if calendar not in CALENDARS:
        raise UnknownCalendar(calendar=calendar, known="; ".join(sorted(CALENDARS)))
    if not days:
        return executed_at
    found = CALENDARS[calendar]
    day = _later(calendar, executed_at.astimezone(found.zone).date(), days)
    return datetime.combine(day, DONE_BY, tzinfo=found.zone)


@lru_cache(maxsize=1_000)
def _later(calendar: str, day: date, days: int) -> date:
    while days:
        day += timedelta(days=1)
        days -= CALENDARS[calendar].is_business_day(day)
    return day
