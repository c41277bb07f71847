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
SETTLEMENT_CUTOFF: Final = time(16, 0)


class Calendar(Struct, frozen=True):
    """Whose days they are: a time zone, and which of its days are none of business."""

    zone: ZoneInfo
    is_business_day: Callable[[date], bool]


def _business_day_rule(market: str) -> Callable[[date], bool]:
    """Neither a weekend nor one of the market's own holidays, which follow from rules and are known for any year."""
    return lambda day: day.weekday() < 5 and day not in _market_holidays(market)


@cache
def _market_holidays(market: str) -> Container[date]:
    # Here, not above: it knows every country's holidays, and every process would take a tenth longer to start.
    import holidays

    return holidays.financial_holidays(market)


CALENDARS: Final = {
    "EVERY_DAY": Calendar(ZoneInfo("UTC"), lambda day: True),
    "TARGET": Calendar(ZoneInfo("Europe/Berlin"), _business_day_rule("ECB")),
    "NYSE": Calendar(ZoneInfo("America/New_York"), _business_day_rule("NYSE")),
}


def settlement_time(calendar: str, executed_at: datetime, days: int) -> datetime:
    """The moment after so many business days; raises `UnknownCalendar`. Without any, it settles as it is executed."""
    if calendar not in CALENDARS:
        raise UnknownCalendar(calendar=calendar, known="; ".join(sorted(CALENDARS)))
    if not days:
        return executed_at
    found = CALENDARS[calendar]
    day = _add_business_days(calendar, executed_at.astimezone(found.zone).date(), days)
    return datetime.combine(day, SETTLEMENT_CUTOFF, tzinfo=found.zone)


@lru_cache(maxsize=1_000)
def _add_business_days(calendar: str, day: date, days: int) -> date:
    while days:
        day += timedelta(days=1)
        days -= CALENDARS[calendar].is_business_day(day)
    return day
