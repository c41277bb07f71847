"""manage.py export_schemas [--check]: write the missing Avro schema files and the snapshot lock file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.eventstore.snapshots.version_lock import LOCK_FILE_NAME, compare_with_lock, write_lock
from eventshop.messaging.serialization.schema_registry import SCHEMA_FOLDER, find_unpublished_schemas, write_schemas
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Write the snapshot lock file and the missing schema files, one per event type and schema version. An existing "
        "schema file is never changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Write nothing; fail if a file is missing or outdated."
        )
        parser.add_argument(
            "--folder", type=Path, default=SCHEMA_FOLDER, help="The folder of the files (default: schemas)."
        )

    def handle(self, *args: Any, check: bool, folder: Path, **options: Any) -> None:
        try:
            missing = find_unpublished_schemas(registry, folder)
            lock = compare_with_lock(registry, folder)
        except RegistryError as error:
            raise CommandError(str(error)) from error
        if lock.violations:
            raise CommandError("\n".join(lock.violations))
        if check and missing:
            names = ", ".join(f"{item.event_type} ({item.file_name})" for item in missing)
            predicate = "has no schema file" if len(missing) == 1 else "have no schema files"
            raise CommandError(f"{names} {predicate}: run export_schemas and commit what it writes.")
        if check and lock.unlocked:
            names = ", ".join(lock.unlocked)
            raise CommandError(f"{LOCK_FILE_NAME} is outdated ({names}): run export_schemas and commit what it writes.")
        written = write_schemas(missing, folder)
        if lock.unlocked:
            written.append(write_lock(registry, folder))
        for path in written:
            self.stdout.write(f"{path.name} written")
        if not written:
            self.stdout.write("Every event has its schema file." if check else "Nothing to write: no file is missing.")
