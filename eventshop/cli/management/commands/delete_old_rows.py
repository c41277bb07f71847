"""manage.py delete_old_rows: what the periodic jobs of retention do, now; or how much they would delete."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.operations.row_retention import delete_expired, measure_table, registered_retentions
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Delete the rows that nobody needs any more, and print how many are left in each table."

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = sorted(retention.name for retention in registered_retentions())
        parser.add_argument("name", nargs="*", help=f"Only these: {', '.join(names)}.")
        parser.add_argument("--dry-run", action="store_true", help="Delete nothing.")

    def handle(self, *args: Any, name: list[str], dry_run: bool, **options: Any) -> None:
        known = {retention.name: retention for retention in registered_retentions()}
        if unknown := set(name) - known.keys():
            raise CommandError(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}")
        table = Table()
        for heading in ("retention", "setting"):
            table.add_column(heading, no_wrap=True)
        for heading in ("days", "would delete" if dry_run else "deleted", "kept", "oldest"):
            table.add_column(heading, justify="right", no_wrap=True)
        for retention in (known[each] for each in name or sorted(known)):
            count = retention.expired_rows().count() if dry_run else delete_expired(retention, limit=timedelta.max)
            size = measure_table(retention.model, retention.since)
            table.add_row(
                retention.name,
                retention.setting,
                f"{retention.kept.days:,}",
                f"{count:,}",
                f"{size.rows:,}",
                f"{size.oldest:%Y-%m-%d}" if size.oldest else "",
            )
        create_console(self).print(table)
