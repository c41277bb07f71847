"""A moment says its time zone, wherever it is shown."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.contrib.admin.utils import display_for_value
from django.template import Context, Template
from pytest_django import Settings

from eventshop.admin_console.formatting import datetime_html
from eventshop.datetimes import format_date_html, format_datetime, format_datetime_html

AUTUMN = datetime(2026, 11, 24, 14, 3, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "text"),
    [
        ("UTC", AUTUMN, "24 Nov 2026, 14:03 UTC"),
        ("Europe/London", AUTUMN, "24 Nov 2026, 14:03 GMT"),
        ("Europe/London", SUMMER, "2 Jul 2026, 00:30 BST"),
        ("Asia/Tokyo", AUTUMN, "24 Nov 2026, 23:03 JST"),
    ],
)
def test_a_moment_is_told_with_its_zone(settings: Settings, zone: str, at: datetime, text: str) -> None:
    settings.TIME_ZONE = zone
    assert format_datetime(at) == text
    for shown in (format_datetime_html(at), Template("{{ at|datetime }}").render(Context({"at": at}))):
        assert f'datetime="{at.isoformat()}"' in shown
        assert shown.endswith(f">{text}</time>")
    # What Django writes by itself, as in lists of users, and what the console writes.
    assert display_for_value(at, "-") == text
    assert text[-3:] in datetime_html(at)


def test_seconds_are_shown_where_they_matter() -> None:
    assert "14:03:05 GMT</time>" in Template('{{ at|datetime:"seconds" }}').render(Context({"at": AUTUMN}))


def test_the_day_of_a_moment_is_that_of_the_shop() -> None:
    assert format_date_html(SUMMER) == '<time datetime="2026-07-02">2 July 2026</time>'
    assert format_date_html(date(2026, 7, 1)) == '<time datetime="2026-07-01">1 July 2026</time>'


def test_nothing_is_shown_for_none() -> None:
    template = Template('{{ at|datetime|default:"never" }}, {{ at|date_html|default:"never" }}')
    assert template.render(Context()) == "never, never"
