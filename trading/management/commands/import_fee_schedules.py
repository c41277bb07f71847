"""`manage.py import_fee_schedules FILE`: add terms of fees from a CSV file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.importing.whole_file import refuse_errors
from eventshop.core.errors import EventShopError
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand
from trading.application.fee_schedules import add_schedules
from trading.importers.fee_schedules.fee_file import LAYOUT, FeeFile


class Command(ManagementCommand):
    help = (
        f"Add terms of fees from a CSV file, as a whole or not at all. Columns: {', '.join(LAYOUT.columns)}; a row "
        "such as ,XETRA/SAP,0.0005,0,1.5,2026-12-01T00:00:00Z. An empty account_id or instrument stands for all "
        "others. Terms that are there are not changed: other ones for the same time are refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A CSV file with a header.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be imported; write nothing.")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            read = FeeFile(file)
            refuse_errors(read.errors, self.stderr)
            added, others = add_schedules(read.schedules, actor=command_line_actor(), dry=dry_run)
        except (EventShopError, OSError) as error:
            raise CommandError(str(error)) from error
        refuse_errors(
            [f"{file}:{read.lines[key]}: {key}: there are other terms already" for key in others], self.stderr
        )
        there, would = len(read.schedules) - added, "would be" if dry_run else "were"
        self.stdout.write(
            f"{added:,} terms {would} added, {there:,} were there already, {read.repeated:,} rows repeat another one."
        )
