"""`manage.py import_trades FILE`: import public trades of a venue by sending commands."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.importing.base_command import ImportCommand
from trading.importers.instruments.reference_file import ReferenceFile
from trading.importers.market_trades.importer import MarketTradesImporter

_MOST_ERRORS = 5


class Command(ImportCommand):
    help = "Import a file of public trades. It can be stopped and started again at any time."
    importer = MarketTradesImporter

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--instruments",
            metavar="FILE",
            type=Path,
            help="A file of reference data: instruments of the trades that are not in the table yet are added from it.",
        )

    def create_importer(self, options: dict[str, Any]) -> MarketTradesImporter:
        if options["instruments"] is None:
            return MarketTradesImporter()
        reference = ReferenceFile(options["instruments"])
        if reference.errors:
            raise CommandError("Nothing was imported. " + "; ".join(reference.errors[:_MOST_ERRORS]))
        return MarketTradesImporter(reference=reference.listings)
