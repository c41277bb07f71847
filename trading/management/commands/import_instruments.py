"""`manage.py import_instruments FILE --reason WHY`: add and change instruments from a CSV file of reference data."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.importing.whole_file import refuse_errors
from eventshop.core.errors import EventShopError
from eventshop.core.human_text import VISIBLE_TEXT, clean_text
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand
from trading.application.instruments import save_listings
from trading.domain.instruments import COLUMNS
from trading.importers.instruments.reference_file import ReferenceFile


class Command(ManagementCommand):
    help = (
        "Add and change instruments from a CSV file, as a whole or not at all. An instrument that is not in the file "
        f"stays as it is; one whose trading ends gets a date in active_to. Columns: {', '.join(COLUMNS)}."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A CSV file with a header.")
        parser.add_argument("--reason", required=True, help="Why they change, for their history.")

    def handle(self, *args: Any, file: Path, reason: str, **options: Any) -> None:
        try:
            text = clean_text(reason, VISIBLE_TEXT)[:200]
            reference = ReferenceFile(file)
            refuse_errors(reference.errors, self.stderr)
            changed = save_listings(reference.listings.values(), actor=command_line_actor(), reason=text)
        except (EventShopError, OSError) as error:
            raise CommandError(str(error)) from error
        same = len(reference.listings) - len(changed)
        self.stdout.write(f"{len(changed):,} instruments were added or changed, {same:,} were already so.")
