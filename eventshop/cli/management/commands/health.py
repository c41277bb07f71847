"""manage.py health: whether every part gets on, for people, scripts and schedulers."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.operations.health_checks import ComponentHealth, check_components
from eventshop.operations.objectives import State, worst_state
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Print the health of each part. The exit status is 0 if all are ok, 1 if one is degraded, 2 if one fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON instead of a table.")

    def handle(self, *args: Any, **options: Any) -> None:
        components = check_components()
        worst = worst_state(part.state for part in components)
        if options["json"]:
            body = {"status": worst, "parts": [to_json(part) for part in components]}
            self.stdout.write(json.dumps(body, indent=2))
        else:
            create_console(self).print(_table(components))
        if worst is not State.OK:
            sys.exit(worst.severity)


def to_json(part: ComponentHealth) -> dict[str, Any]:
    body: dict[str, Any] = {"name": part.name, "state": part.state, "detail": part.detail}
    if part.progress:
        moved_at = part.progress.moved_at
        body |= part.progress._asdict() | {"moved_at": moved_at.isoformat() if moved_at else None}
    if part.parts:
        body["parts"] = [to_json(below) for below in part.parts]
    return body


def _table(components: Sequence[ComponentHealth]) -> Table:
    table = Table()
    for heading in ("part", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("behind", "seconds", "set aside", "moved"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("detail")
    for part, depth in _flatten(components):
        table.add_row("  " * depth + part.name, part.state, *_figures(part), "" if part.parts else part.detail)
    return table


def _flatten(components: Sequence[ComponentHealth], depth: int = 0) -> Iterator[tuple[ComponentHealth, int]]:
    for part in components:
        yield part, depth
        yield from _flatten(part.parts, depth + 1)


def _figures(part: ComponentHealth) -> tuple[str, str, str, str]:
    if part.progress is None:
        return "", "", "", ""
    behind, behind_s, set_aside, moved_at = part.progress
    return f"{behind:,}", f"{behind_s:,.1f}", f"{set_aside:,}", f"{moved_at:%H:%M:%S}" if moved_at else ""
