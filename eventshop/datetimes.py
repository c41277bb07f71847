"""Dates and times as text: formatted for pages in the shop's time zone, parsed from command lines."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Protocol

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

MINUTE_FORMAT: Final = "j M Y, H:i T"
SECOND_FORMAT: Final = "j M Y, H:i:s T"
DAY_FORMAT: Final = "j F Y"


def format_datetime_html(value: datetime | None, precision: str = "") -> str | SafeString:
    """`24 Nov 2026, 14:03 GMT`, or with seconds where they matter (`moment:"seconds"`); nothing for none."""
    if not value:  # also what a template's missing variable gives
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        format_datetime_exact(value),
        format_datetime(value, seconds=precision == "seconds"),
    )


def format_datetime(value: datetime, *, seconds: bool = False) -> str:
    """The same without HTML, for letters and documents."""
    return formats.date_format(timezone.localtime(value), SECOND_FORMAT if seconds else MINUTE_FORMAT)


def format_datetime_exact(value: datetime) -> str:
    """To the microsecond."""
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S.%f %Z")


def format_date_html(value: date | datetime | None) -> str | SafeString:
    """`24 November 2026`: the day of a moment in the shop's time zone; nothing for none."""
    if not value:
        return ""
    return format_html('<time datetime="{}">{}</time>', _to_local_date(value).isoformat(), format_date(value))


def format_date(value: date | datetime) -> str:
    """The same without HTML."""
    return formats.date_format(_to_local_date(value), DAY_FORMAT)


def _to_local_date(value: date | datetime) -> date:
    return timezone.localtime(value).date() if isinstance(value, datetime) else value


class ArgumentContainer(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *flags: str, type: Callable[[str], datetime] = ..., help: str | None = ...) -> object: ...


def parse_datetime_argument(text: str) -> datetime:
    """A time as people type it; without a zone it is the shop's own."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T12:00") from error
    return value if value.tzinfo else timezone.make_aware(value)


def add_datetime_arguments(container: ArgumentContainer) -> None:
    """`--at` for recorded time and `--happened-by` for business time."""
    container.add_argument(
        "--at", type=parse_datetime_argument, help="As it had been recorded by this time, such as 2026-01-31T12:00."
    )
    container.add_argument(
        "--happened-by", type=parse_datetime_argument, help="As it had happened by this time, whenever recorded."
    )
