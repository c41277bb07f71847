"""Writing to the terminal with rich, through a management command's own output so that tests can read it."""

from __future__ import annotations

from typing import IO, cast

from django.core.management.base import BaseCommand
from rich.console import Console


def create_console(command: BaseCommand) -> Console:
    """A console on the command's standard output; where that is no terminal, wide enough for every table."""
    # Django's wrapper ends each write with a line break, which would tear progress bars apart.
    out = cast(IO[str], command.stdout._out)
    return Console(file=out) if out.isatty() else Console(file=out, width=160)
