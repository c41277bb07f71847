"""`manage.py import_exchange_rates FILE`: add exchange rates from a CSV file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.importing.whole_file import refuse_errors
from eventshop.core.errors import EventShopError
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand
from trading.application.exchange_rates import add_rates
from trading.importers.exchange_rates.rate_file import LAYOUT, RateFile


class Command(ManagementCommand):
    help = (
        f"Add exchange rates from a CSV file, as a whole or not at all. Columns: {', '.join(LAYOUT.columns)}; a row "
        "such as EUR,USD,1.0832,2026-11-30T15:00:00Z. A rate that is there is not changed: one with another value for "
        "the same time is refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A CSV file with a header.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be imported; write nothing.")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            read = RateFile(file)
            refuse_errors(read.errors, self.stderr)
            added, others = add_rates(read.rates, actor=command_line_actor(), dry=dry_run)
        except (EventShopError, OSError) as error:
            raise CommandError(str(error)) from error
        refuse_errors(
            [
                f"{file}:{read.lines[key]}: {key} has the rate {rate.normalize():f} already, not {read.rates[key]}"
                for key, rate in others.items()
            ],
            self.stderr,
        )
        there, would = len(read.rates) - added, "would be" if dry_run else "were"
        self.stdout.write(
            f"{added:,} rates {would} added, {there:,} were there already, {read.repeated:,} rows repeat another one."
        )
