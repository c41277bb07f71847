"""Business-day calendars, when trading ends on them, and the settlement time that follows from them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Container, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from trading.domain.errors import UnknownCalendar

#: The time of a settlement day at which deliveries are complete, in the time zone of the calendar.
SETTLEMENT_CUTOFF: Final = time(16, 0)
#: The days on which venues close early: calendar, date and the time of day there.
EARLY_CLOSES: Final = Path(__file__).parent.parent / "reference" / "early_closes.csv"


class Calendar(Struct, frozen=True):
    """A time zone, its business days, and the time of day at which trading ends there."""

    zone: ZoneInfo
    is_business_day: Callable[[date], bool]
    closes_at: time = time(0)  # midnight: the end of the day; `early_closes` has the exceptions


def _business_day_rule(market: str, *, banks: str = "") -> Callable[[date], bool]:
    """Weekdays without the holidays of a market, and of the banks of a country where settlements are paid through them.

    The holidays follow from rules that hold for every year.
    """

    def is_business_day(day: date) -> bool:
        is_open = day.weekday() < 5 and day not in _market_holidays(market)
        return is_open and not (banks and day in _bank_holidays(banks))

    return is_business_day


# Imported lazily: the package holds the holidays of every country and slows each process start by a tenth.
@cache
def _market_holidays(market: str) -> Container[date]:
    import holidays

    return holidays.financial_holidays(market)


@cache
def _bank_holidays(country: str) -> Container[date]:
    import holidays

    return holidays.country_holidays(country)


#: German exchanges are closed on these days, beside the days without payments in euro.
_XETRA_CLOSED: Final = {(12, 24), (12, 31)}


def _is_xetra_day(day: date) -> bool:
    return CALENDARS["TARGET"].is_business_day(day) and (day.month, day.day) not in _XETRA_CLOSED


_NEW_YORK, _BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
CALENDARS: Final = {
    "EVERY_DAY": Calendar(ZoneInfo("UTC"), lambda day: True),
    "TARGET": Calendar(_BERLIN, _business_day_rule("ECB")),
    "XETRA": Calendar(_BERLIN, _is_xetra_day, time(17, 30)),
    # Trading days of the exchange. It is open on Columbus Day and Veterans Day, when no bank pays.
    "NYSE": Calendar(_NEW_YORK, _business_day_rule("NYSE"), time(16, 0)),
    "US_SETTLEMENT": Calendar(_NEW_YORK, _business_day_rule("NYSE", banks="US")),
}
#: Names under which earlier trades were stored, of calendars that were used for more than they are for.
SETTLES_ON: Final = {"NYSE": "US_SETTLEMENT"}


def find_calendar(name: str) -> Calendar:
    """The calendar of a name; raises `UnknownCalendar`."""
    if name not in CALENDARS:
        raise UnknownCalendar(calendar=name, known="; ".join(sorted(CALENDARS)))
    return CALENDARS[name]


@cache
def early_closes() -> Mapping[tuple[str, date], time]:
    """When trading ends on the days on which a venue closes early, by calendar and day."""
    with EARLY_CLOSES.open(encoding="utf-8") as file:
        return {
            (row["calendar"], date.fromisoformat(row["date"])): time.fromisoformat(row["closes_at"])
            for row in csv.DictReader(file)
        }


def end_of_trading(calendar: str, moment: datetime) -> datetime:
    """The next end of a trading day after a moment, by a trading calendar. Raises `UnknownCalendar`."""
    found = find_calendar(calendar)
    day = moment.astimezone(found.zone).date()
    while True:
        closes_at = early_closes().get((calendar, day), found.closes_at)
        # Midnight is the end of a day, and the beginning of the next.
        ends_on = day if closes_at != time(0) else day + timedelta(days=1)
        end = datetime.combine(ends_on, closes_at, tzinfo=found.zone)
        if found.is_business_day(day) and end > moment:
            return end
        day += timedelta(days=1)


def settlement_time(calendar: str, executed_at: datetime, days: int) -> datetime:
    """The settlement time after a number of business days; 0 days settle at execution. Raises `UnknownCalendar`."""
    find_calendar(calendar)
    calendar = SETTLES_ON.get(calendar, calendar)
    if not days:
        return executed_at
    zone = CALENDARS[calendar].zone
    day = _add_business_days(calendar, executed_at.astimezone(zone).date(), days)
    return datetime.combine(day, SETTLEMENT_CUTOFF, tzinfo=zone)


@lru_cache(maxsize=1_000)
def _add_business_days(calendar: str, day: date, days: int) -> date:
    while days:
        day += timedelta(days=1)
        days -= CALENDARS[calendar].is_business_day(day)
    return day
