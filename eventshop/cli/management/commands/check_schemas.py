"""manage.py check_schemas: what every published change of an event means for old and new readers."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.core.upcasting import EventSchemaId
from eventshop.messaging.serialization.schema_compatibility import schema_changes
from eventshop.messaging.serialization.schema_registry import SCHEMA_FOLDER, load_published_schemas, find_unpublished_schemas


class Command(BaseCommand):
    help = (
        "For each change between published schemas: can new programs read old events, and old programs new ones? Fail "
        "when stored events could not be read, or when the code's shapes are not published."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=SCHEMA_FOLDER, help="Where the files lie (default: schemas).")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            missing = find_unpublished_schemas(registry, folder)
        except RegistryError as error:
            raise CommandError(str(error)) from error
        changes = list(schema_changes(load_published_schemas(folder), registry))
        table = Table("from", "to", "change", "old events, new programs", "new events, old programs")
        for change in changes:
            reading = f"read by {change.upcaster}" if change.upcaster else "read as they are"
            table.add_row(
                _schema_name(change.old),
                _schema_name(change.new),
                change.change,
                "NO: " + "; ".join(change.backward_problems) if change.backward_problems else reading,
                "no: " + "; ".join(change.forward_problems) if change.forward_problems else "read",
            )
        create_console(self).print(table)
        if unreadable := [one for one in changes if not one.is_backward_compatible]:
            raise CommandError(f"Stored events could not be read: {', '.join(_schema_name(one.old) for one in unreadable)}.")
        if missing:
            raise CommandError(
                f"Not published yet: {', '.join(item.file_name for item in missing)}; run export_schemas."
            )
        self.stdout.write("Every event ever published can be read.")


def _schema_name(shape: EventSchemaId) -> str:
    return f"{shape.event_type} {shape.schema_version}"
