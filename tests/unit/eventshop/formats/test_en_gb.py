"""Dates and times without a format of their own are written as in Britain, moments with their time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.utils import formats

MOMENT = datetime(2026, 1, 3, 14, 5, tzinfo=UTC)


def test_dates_and_moments_are_written_as_in_britain() -> None:
    assert formats.localize(date(2026, 1, 3)) == "3 Jan 2026"
    assert formats.localize(MOMENT) == "3 Jan 2026, 14:05 UTC"
    assert formats.localize(time(14, 5)) == "14:05"
