"""Printing of results, shared by all parts."""

from __future__ import annotations

import argparse
from typing import Final

from rich.console import Console

console: Final = Console(width=120)


def target_verdict(value: float, target: float) -> str:
    """Whether `value` reaches `target`, as coloured text."""
    return "[green]reached[/]" if value >= target else "[bold red]NOT reached[/]"


def engines(options: argparse.Namespace) -> tuple[str, ...]:
    """The databases to measure on."""
    return (options.engine,) if options.engine else ("PostgreSQL", "SQLite")
