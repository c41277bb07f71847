"""Terminal output with rich through a management command's own stdout, so that tests can capture it."""

from __future__ import annotations

from typing import IO, cast

from django.core.management.base import BaseCommand
from rich.console import Console


def create_console(command: BaseCommand) -> Console:
    """A console on the command's stdout; 160 columns wide if that is not a terminal, enough for every table."""
    # Django's wrapper ends each write with a line break, which would break progress bars.
    out = cast(IO[str], command.stdout._out)
    return Console(file=out) if out.isatty() else Console(file=out, width=160)
