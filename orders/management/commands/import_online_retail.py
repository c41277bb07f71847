"""`manage.py import_online_retail FILE`: import the sales of a real shop by sending commands."""

from __future__ import annotations

from eventshop.cli.importing.base_command import ImportCommand
from orders.importers.online_retail.importer import OnlineRetailImporter


class Command(ImportCommand):
    help = "Import a file of invoices in the format of Online Retail. It can be stopped and started again at any time."
    importer = OnlineRetailImporter
