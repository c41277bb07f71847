"""Times that people type on a command line."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from django.utils import timezone


class TakesArguments(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *flags: str, type: Callable[[str], datetime] = ..., help: str | None = ...) -> object: ...


def moment(text: str) -> datetime:
    """A time as people type it; without a zone it is the shop's own."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T12:00") from error
    return at if at.tzinfo else timezone.make_aware(at)


def add_moments(when: TakesArguments) -> None:
    """`--at` for recorded time and `--happened-by` for business time."""
    when.add_argument("--at", type=moment, help="As it had been recorded by this time, such as 2026-01-31T12:00.")
    when.add_argument("--happened-by", type=moment, help="As it had happened by this time, whenever recorded.")
