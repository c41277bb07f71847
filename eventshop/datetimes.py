"""Formats dates and times for pages, e-mails and documents, and parses times given on the command line.

All texts are in the active language and time zone: those of the shop, unless a letter or a page is for a person who
chose others.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Protocol

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop

MINUTE_FORMAT: Final = gettext_noop("j M Y, H:i T")
SECOND_FORMAT: Final = gettext_noop("j M Y, H:i:s T")
DAY_FORMAT: Final = gettext_noop("j F Y")


def format_datetime_html(value: datetime | None, precision: str = "") -> str | SafeString:
    """Format as HTML: `24 Nov 2026, 14:03 GMT`, or with seconds (`datetime:"seconds"`); empty for None."""
    if not value:  # None, or the empty text of an undefined template variable
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        format_datetime_exact(value),
        format_datetime(value, seconds=precision == "seconds"),
    )


def format_datetime(value: datetime, *, seconds: bool = False) -> str:
    """As `format_datetime_html` without HTML, for e-mails and documents."""
    return formats.date_format(timezone.localtime(value), gettext(SECOND_FORMAT if seconds else MINUTE_FORMAT))


def format_datetime_exact(value: datetime) -> str:
    """Format with microseconds: `2026-11-24 14:03:05.000001 GMT`."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S.%f %Z")


def format_date_html(value: date | datetime | None) -> str | SafeString:
    """Format as HTML: `24 November 2026`; empty for None."""
    if not value:
        return ""
    return format_html('<time datetime="{}">{}</time>', _to_local_date(value).isoformat(), format_date(value))


def format_date(value: date | datetime) -> str:
    """As `format_date_html` without HTML."""
    return formats.date_format(_to_local_date(value), gettext(DAY_FORMAT))


def _to_local_date(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


class ArgumentContainer(Protocol):
    """An argument parser, or an argument group of one."""

    def add_argument(self, *flags: str, type: Callable[[str], datetime] = ..., help: str | None = ...) -> object: ...


def parse_datetime_argument(text: str) -> datetime:
    """Parse an ISO 8601 time; without a time zone it is in that of the shop. Raises `ArgumentTypeError`."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a time; write it like 2026-01-31T12:00") from error
    return value if value.tzinfo else timezone.make_aware(value)


def add_datetime_arguments(container: ArgumentContainer) -> None:
    """Add `--at` (recorded time) and `--happened-by` (business time)."""
    container.add_argument(
        "--at", type=parse_datetime_argument, help="The state as recorded by this time, such as 2026-01-31T12:00."
    )
    container.add_argument(
        "--happened-by",
        type=parse_datetime_argument,
        help="The state by business time: events that happened by this time, whenever they were recorded.",
    )
