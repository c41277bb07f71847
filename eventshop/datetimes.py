"""Dates and times as text: formatted for pages in the shop's time zone, parsed from command lines."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import date, datetime
from typing import Final, Protocol

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

MINUTE: Final = "j M Y, H:i T"
SECOND: Final = "j M Y, H:i:s T"
DAY: Final = "j F Y"


def moment(at: datetime | None, exactly: str = "") -> str | SafeString:
    """`24 Nov 2026, 14:03 GMT`, or with seconds where they matter (`moment:"seconds"`); nothing for none."""
    if not at:  # also what a template's missing variable gives
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        exact_text(at),
        moment_text(at, seconds=exactly == "seconds"),
    )


def moment_text(at: datetime, *, seconds: bool = False) -> str:
    """The same without HTML, for letters and documents."""
    return formats.date_format(timezone.localtime(at), SECOND if seconds else MINUTE)


def exact_text(at: datetime) -> str:
    """To the microsecond."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S.%f %Z")


def day(on: date | datetime | None) -> str | SafeString:
    """`24 November 2026`: the day of a moment in the shop's time zone; nothing for none."""
    if not on:
        return ""
    return format_html('<time datetime="{}">{}</time>', _date(on).isoformat(), day_text(on))


def day_text(on: date | datetime) -> str:
    """The same without HTML."""
    return formats.date_format(_date(on), DAY)


def _date(on: date | datetime) -> date:
    return timezone.localtime(on).date() if isinstance(on, datetime) else on


class TakesArguments(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *flags: str, type: Callable[[str], datetime] = ..., help: str | None = ...) -> object: ...


def parse_datetime_argument(text: str) -> datetime:
    """A time as people type it; without a zone it is the shop's own."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T12:00") from error
    return at if at.tzinfo else timezone.make_aware(at)


def add_datetime_arguments(when: TakesArguments) -> None:
    """`--at` for recorded time and `--happened-by` for business time."""
    when.add_argument(
        "--at", type=parse_datetime_argument, help="As it had been recorded by this time, such as 2026-01-31T12:00."
    )
    when.add_argument(
        "--happened-by", type=parse_datetime_argument, help="As it had happened by this time, whenever recorded."
    )
