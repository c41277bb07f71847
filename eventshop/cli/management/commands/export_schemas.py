"""manage.py export_schemas: write the Avro schema files that are still missing, or check that none is."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.messaging.serialization.schema_registry import SCHEMA_FOLDER, write_schemas, find_unpublished_schemas


class Command(BaseCommand):
    help = "Write the schema file of every event type and version that has none. A released file is never changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Write nothing; fail when a file is missing.")
        parser.add_argument("--folder", type=Path, default=SCHEMA_FOLDER, help="Where the files lie (default: schemas).")

    def handle(self, *args: Any, check: bool, folder: Path, **options: Any) -> None:
        try:
            missing = find_unpublished_schemas(registry, folder)
        except RegistryError as error:
            raise CommandError(str(error)) from error
        if check and missing:
            names = ", ".join(f"{item.event_type} ({item.file_name})" for item in missing)
            predicate = "has no schema file" if len(missing) == 1 else "have no schema files"
            raise CommandError(f"{names} {predicate}: run export_schemas and commit what it writes.")
        for path in write_schemas(missing, folder):
            self.stdout.write(f"{path.name} written")
        if not missing:
            self.stdout.write("Every event has its schema file." if check else "Nothing to write: no file is missing.")
