"""manage.py backup FOLDER: the database, the keys of personal data and the erasure list, while the store is in use."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from eventshop.cli.kafka_commands import report_errors
from eventshop.cli.progress_bar import show_sizes
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.backup.take_backup import take_backup
from eventshop.operations.models import AccessRecord


class Command(LoggedCommand):
    access = AccessRecord.Kind.EXPORT
    help = "Write a backup of the store into a new folder, readable by its owner only. The store can be in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="The folder to create; it must not exist.")
        parser.add_argument(
            "--keys",
            type=Path,
            metavar="FOLDER",
            help="Another new folder, for the keys of personal data, which are best kept apart (default: FOLDER/keys).",
        )

    def handle(self, *args: Any, folder: Path, keys: Path | None, **options: Any) -> None:
        with report_errors("Nothing was kept."), _end_on_sigterm(), show_sizes(self) as report_progress:
            manifest = take_backup(folder, keys_folder=keys, report_progress=report_progress)
        store, size = manifest.store, sum(entry.size for entry in manifest.files.values())
        self.stdout.write(
            f"{folder}: backup {manifest.backup_id}, {store.events:,} events up to position {store.position}, "
            f"{manifest.keys.keys:,} keys, {manifest.erased_people:,} erased people; {size / 1_000_000:,.1f} MB."
        )
        if manifest.topics is None:
            self.stderr.write("Kafka did not answer: the backup does not say where the topics end.")
        self.stdout.write(
            "KEY_ENCRYPTION_KEY and SECRET_KEY are not in it: keep them elsewhere. Without them it is worth little."
        )


@contextmanager
def _end_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that what is incomplete is removed."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
