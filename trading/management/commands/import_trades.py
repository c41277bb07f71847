"""`manage.py import_trades FILE`: import public trades of a venue by sending commands."""

from __future__ import annotations

from eventshop.cli.importing.base_command import ImportCommand
from trading.importers.market_trades.importer import MarketTradesImporter


class Command(ImportCommand):
    help = "Import a file of public trades. It can be stopped and started again at any time."
    importer = MarketTradesImporter
