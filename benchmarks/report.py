"""What every part of the benchmark prints with."""

from __future__ import annotations

import argparse
from typing import Final

from rich.console import Console

console: Final = Console(width=120)


def target_verdict(value: float, target: float) -> str:
    """Whether a target was reached, in words and in colour."""
    return "[green]reached[/]" if value >= target else "[bold red]NOT reached[/]"


def engines(options: argparse.Namespace) -> tuple[str, ...]:
    return (options.engine,) if options.engine else ("PostgreSQL", "SQLite")
