"""manage.py check_schemas: check the published event schemas and the snapshot versions."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.core.upcasting import EventSchemaId
from eventshop.eventstore.snapshots.version_lock import LOCK_FILE_NAME, compare_with_lock
from eventshop.messaging.serialization.schema_compatibility import schema_changes
from eventshop.messaging.serialization.schema_registry import (
    SCHEMA_FOLDER,
    find_unpublished_schemas,
    load_envelope_schema,
    load_published_schemas,
)
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Print for each change between published schemas whether new programs can read old events, and old programs "
        "new ones. Fail if stored events could not be read, if a schema of the code is not published, or if a state or "
        "its fold changed and the aggregate's snapshot_version was not raised."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--folder", type=Path, default=SCHEMA_FOLDER, help="The folder of the files (default: schemas)."
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            load_envelope_schema(folder)
            missing = find_unpublished_schemas(registry, folder)
            lock = compare_with_lock(registry, folder)
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
        if unreadable := [change for change in changes if not change.is_backward_compatible]:
            raise CommandError(
                f"Stored events could not be read: {', '.join(_schema_name(change.old) for change in unreadable)}."
            )
        if lock.violations:
            raise CommandError("\n".join(lock.violations))
        unpublished = [item.file_name for item in missing]
        if lock.unlocked:
            unpublished.append(f"{LOCK_FILE_NAME} ({', '.join(lock.unlocked)})")
        if unpublished:
            raise CommandError(f"Not published yet: {', '.join(unpublished)}; run export_schemas.")
        self.stdout.write("Every event ever published can be read.")
        self.stdout.write("Every snapshot version covers its state and its fold.")


def _schema_name(shape: EventSchemaId) -> str:
    return f"{shape.event_type} {shape.schema_version}"
