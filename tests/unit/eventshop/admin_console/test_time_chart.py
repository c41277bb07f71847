"""A chart over time: ticks at full hours and days of the shop's zone, and a gap where nothing was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from eventshop.admin_console.time_chart import MAX_TIME_TICKS, draw_time_chart, nice_step, time_ticks

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (4, 1), (5, 1), (5.1, 2), (10, 2), (11, 5), (26, 10), (1234.5, 500), (5000, 1000)]
)
def test_values_have_round_ticks(highest: float, step: float) -> None:
    assert nice_step(highest) == step


@pytest.mark.parametrize("length", [timedelta(hours=3), *(timedelta(days=days) for days in (1, 3, 30, 365))])
def test_a_time_axis_has_few_ticks(length: timedelta) -> None:
    ticks = time_ticks(NOON, NOON + length)
    assert 3 <= len(ticks) <= MAX_TIME_TICKS + 1
    assert all(0 <= tick.percent <= 100 for tick in ticks)


def test_days_begin_at_midnight_of_the_shop_also_when_the_clocks_change() -> None:
    begin = datetime(2026, 10, 23, 12, tzinfo=UTC)
    with timezone.override("Europe/London"):
        ticks = time_ticks(begin, begin + timedelta(days=5))
        hours = time_ticks(begin, begin + timedelta(days=1))
    assert [tick.text for tick in ticks] == ["24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct"]
    assert [tick.percent for tick in ticks][:3] == [9.17, 29.17, 50.0]  # midnights 24 and 25 hours apart
    assert [(tick.text, tick.date) for tick in hours][:3] == [("18:00", "23 Oct"), ("00:00", "24 Oct"), ("06:00", "")]


def test_a_step_is_a_level_and_an_unknown_one_a_gap() -> None:
    begins = [NOON + number * timedelta(minutes=1) for number in range(4)]
    chart = draw_time_chart(begins, [0, 5, None, 2.5], timedelta(minutes=1))
    assert chart.path == "M0.0 1000.0H250.0 L250.0 0.0H500.0 M750.0 500.0H1000.0"
    assert [tick.text for tick in chart.values] == ["0", "1", "2", "3", "4", "5"]
    assert [text for _, text in chart.rows] == ["2.5", "not measured", "5", "0"]
