"""Instruments are data: tick tables, negative prices, days of trading, and files of reference data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import holidays
import pytest
from msgspec.structs import replace

from eventshop.cli.importing.errors import WrongHeader
from eventshop.core.errors import InvalidMessage
from tests.unit.trading.domain.examples import LISTINGS, SAP
from trading.domain.business_days import CALENDARS, early_closes, end_of_trading
from trading.domain.commands import check_tick
from trading.domain.contract_value import limit_amount
from trading.domain.errors import InactiveInstrument, NegativePrice, UnknownCalendar, WrongTick
from trading.domain.events import Contract, TickBand
from trading.domain.instruments import COLUMNS, build_listing, column_values, format_tick_table, parse_tick_table
from trading.importers.instruments.reference_file import ReferenceFile

BANDED = replace(SAP, tick_table=parse_tick_table("10:0.05 20:0.1"))
OIL = replace(
    SAP, code="NYMEX/CL", tick=Decimal("0.01"), negative_prices=True, contract=Contract(Decimal(1000), False, "EUR")
)


@pytest.mark.parametrize(
    ("price", "tick"),
    [("9.98", "0.02"), ("9.99", ""), ("10.05", "0.05"), ("10.02", ""), ("20.1", "0.1"), ("20.05", "")],
)
def test_the_tick_depends_on_the_price(price: str, tick: str) -> None:
    if tick:
        check_tick(BANDED, Decimal(price))
    else:
        with pytest.raises(WrongTick, match=f"price {price}.*tick {BANDED.tick_at(Decimal(price))}"):
            check_tick(BANDED, Decimal(price))


def test_a_price_is_negative_only_where_the_instrument_allows_it() -> None:
    check_tick(OIL, Decimal("-37.63"))
    check_tick(OIL, Decimal(0))
    with pytest.raises(WrongTick):
        check_tick(OIL, Decimal("-37.635"))
    with pytest.raises(NegativePrice):
        check_tick(SAP, Decimal("-0.02"))
    assert limit_amount(OIL, Decimal(2), Decimal("-37.63")) == 75_260


def test_an_inverse_contract_has_no_negative_price() -> None:
    with pytest.raises(InvalidMessage, match="inverse"):
        replace(OIL, contract=Contract(Decimal(100), True, "BTC"))


def test_bands_ascend() -> None:
    with pytest.raises(InvalidMessage, match="ascending"):
        replace(SAP, tick_table=(TickBand(Decimal(20), Decimal(1)), TickBand(Decimal(10), Decimal(1))))
    with pytest.raises(InvalidMessage, match=r"'10=1'"):
        parse_tick_table("10=1")
    assert format_tick_table(parse_tick_table("10:0.05  20:0.10")) == "10:0.05 20:0.1"


def test_an_instrument_is_traded_on_its_days_in_the_venues_zone() -> None:
    listing = replace(LISTINGS["NYSE/IBM"], active_from=date(2026, 3, 2), active_to=date(2026, 3, 6))
    listing.check_active(datetime(2026, 3, 7, 4, 59, tzinfo=UTC))  # Friday, one minute to midnight in New York
    for moment in (datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 2, 4, tzinfo=UTC)):
        with pytest.raises(InactiveInstrument, match=r"2026-03-02.*2026-03-06"):
            listing.check_active(moment)


@pytest.mark.parametrize(
    ("calendar", "moment", "end"),
    [
        ("XETRA", "2026-12-23T16:29:59+00:00", "2026-12-23T16:30:00+00:00"),
        ("XETRA", "2026-12-23T16:30:00+00:00", "2026-12-28T16:30:00+00:00"),  # closed on the 24th, the 25th a holiday
        ("NYSE", "2026-10-12T12:00:00+00:00", "2026-10-12T20:00:00+00:00"),  # Columbus Day: open
        ("XETRA", "2026-12-30T12:59:59+00:00", "2026-12-30T13:00:00+00:00"),  # 14:00, three and a half hours early
        ("XETRA", "2026-12-30T13:00:00+00:00", "2027-01-04T16:30:00+00:00"),
        ("NYSE", "2026-11-27T12:00:00+00:00", "2026-11-27T18:00:00+00:00"),  # 13:00, the day after Thanksgiving
        ("NYSE", "2026-11-27T18:00:00+00:00", "2026-11-30T21:00:00+00:00"),
        ("EVERY_DAY", "2026-10-10T12:00:00+00:00", "2026-10-11T00:00:00+00:00"),
    ],
)
def test_a_day_ends_by_the_venues_calendar(calendar: str, moment: str, end: str) -> None:
    assert end_of_trading(calendar, datetime.fromisoformat(moment)) == datetime.fromisoformat(end)


def test_the_days_of_early_closes_are_trading_days_and_those_of_new_york_as_another_source_has_them() -> None:
    for (name, day), closes_at in early_closes().items():
        assert CALENDARS[name].is_business_day(day) and closes_at < CALENDARS[name].closes_at, (name, day)
    days = {day for name, day in early_closes() if name == "NYSE"}
    years = range(min(days).year, max(days).year + 1)
    assert days == set(holidays.financial_holidays("NYSE", years=years, categories=("half_day",)))
    assert len(years) >= 7


def test_columns_and_listing_are_the_same() -> None:
    for listing in LISTINGS.values():
        values = column_values(listing)
        assert build_listing(**{**values, "tick_table": parse_tick_table(values["tick_table"])}) == listing


def write(folder: Path, *rows: str) -> Path:
    file = folder / "reference.csv"
    file.write_text("\n".join((",".join(COLUMNS), *rows)) + "\n")
    return file


GOOD = "NYMEX/CL,USD,0.01,,1,1000,no,USD,1,US_SETTLEMENT,NYSE,yes,2026-01-01,2026-06-30"


def test_a_file_of_reference_data(tmp_path: Path) -> None:
    file = ReferenceFile(write(tmp_path, GOOD))
    assert file.errors == []
    listing = file.listings["NYMEX/CL"]
    assert (listing.venue, listing.active_to, listing.instrument.contract) == (
        "NYMEX",
        date(2026, 6, 30),
        Contract(Decimal(1000), False, "USD"),
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("NYMEX/CL", "nymex"), "code"),
        (("0.01,,1,1000", "0.01,,,1000"), "lot is empty"),
        (("0.01,,1,1000", "1e-2,,1,1000"), "tick: must be a decimal"),
        (("0.01,,1,1000", "0.01,10:x,1,1000"), "must be a decimal"),
        (("US_SETTLEMENT", "MOON"), "MOON"),
        (("2026-06-30", "2025-06-30"), "before active_from"),
        (("2026-06-30", "30.6.2026"), "'30.6.2026' is not a date"),
        (("yes", "maybe"), "negative_prices 'maybe' is neither yes nor no"),
        (("USD,1,US", "USD,31,US"), "30"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    file = ReferenceFile(write(tmp_path, GOOD.replace("CL", "OK"), GOOD.replace(*change)))
    [error] = file.errors
    assert "reference.csv:3: " in error
    assert words in error


def test_an_instrument_is_in_a_file_once_and_the_header_is_checked(tmp_path: Path) -> None:
    assert "line 2 already" in ReferenceFile(write(tmp_path, GOOD, GOOD)).errors[0]
    (tmp_path / "reference.csv").write_text("code,tick\nA/B,1\n")
    with pytest.raises(WrongHeader):
        ReferenceFile(tmp_path / "reference.csv")
    with pytest.raises(UnknownCalendar):
        end_of_trading("MOON", datetime(2026, 1, 1, tzinfo=UTC))
