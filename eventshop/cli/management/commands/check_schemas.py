"""manage.py check_schemas: what every published change of an event means for old and new readers."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from eventshop.cli.rich_output import console
from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.core.upcasting import Shape
from eventshop.messaging.serialization.schema_compatibility import verdicts
from eventshop.messaging.serialization.schema_registry import PUBLISHED, published, unpublished


class Command(BaseCommand):
    help = (
        "For each change between published schemas: can new programs read old events, and old programs new ones? Fail "
        "when stored events could not be read, or when the code's shapes are not published."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=PUBLISHED, help="Where the files lie (default: schemas).")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            missing = unpublished(registry, folder)
        except RegistryError as error:
            raise CommandError(str(error)) from error
        found = list(verdicts(published(folder), registry))
        table = Table("from", "to", "change", "old events, new programs", "new events, old programs")
        for one in found:
            how = f"read by {one.upcaster}" if one.upcaster else "read as they are"
            table.add_row(
                _named(one.old),
                _named(one.new),
                one.what,
                "NO: " + "; ".join(one.why_not_old) if one.why_not_old else how,
                "no: " + "; ".join(one.why_not_new) if one.why_not_new else "read",
            )
        console(self).print(table)
        if bad := [one for one in found if not one.good]:
            raise CommandError(f"Stored events could not be read: {', '.join(_named(one.old) for one in bad)}.")
        if missing:
            raise CommandError(
                f"Not published yet: {', '.join(item.file_name for item in missing)}; run export_schemas."
            )
        self.stdout.write("Every event ever published can be read.")


def _named(shape: Shape) -> str:
    return f"{shape.event_type} {shape.schema_version}"
