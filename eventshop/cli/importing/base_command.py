"""The base of import commands: options, messages, the accounting of rows, and the exit status."""

from __future__ import annotations

import sqlite3
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Signal
from time import monotonic
from typing import Any, ClassVar, Final

import msgspec
from django.core.management.base import CommandError
from django.db import DatabaseError

from eventshop.cli.importing.compressed_files import describe_compression
from eventshop.cli.importing.file_format import FileFormat
from eventshop.cli.importing.format_arguments import add_format_arguments, format_options
from eventshop.cli.importing.format_detection import find_format, suggest_encoding
from eventshop.cli.importing.import_run import ImportRun
from eventshop.cli.importing.importer import FileImporter
from eventshop.cli.importing.progress import ImportProgress
from eventshop.cli.importing.signals import stop_on_signals
from eventshop.core.errors import EventShopError
from eventshop.runtime.management_command import ManagementCommand

#: Exit statuses; 0 if every row is stored.
ROWS_REFUSED: Final = 1  # the others are stored
STOPPED_AT_AN_ERROR: Final = 3  # some rows were not tried
STOPPED_BY_SIGNAL: Final = 130
#: The units that `--dry-run` shows, and the characters of a command.
PREVIEW_UNITS: Final = 3
PREVIEW_CHARACTERS: Final = 1_500


class ImportCommand(ManagementCommand):
    """Imports a file through commands. It can be stopped at any time; the next run continues."""

    importer: ClassVar[type[FileImporter[Any]]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A table of text: plain, gzip, xz or zip.")
        parser.add_argument(
            "--on-error",
            choices=("stop", "skip"),
            default="stop",
            help=f"With a row that cannot be imported: stop (the default), or skip its {self.importer.units_noun}.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Show what would be imported; write nothing.")
        add_format_arguments(parser, self.importer.layout)

    def create_importer(self, options: dict[str, Any]) -> FileImporter[Any]:
        """The importer of one file. Raises what reading the options' files raises."""
        return self.importer()

    def handle(self, *args: Any, file: Path, on_error: str, dry_run: bool, **options: Any) -> None:
        try:
            importer, started = self.create_importer(options), monotonic()
        except EventShopError as error:
            raise CommandError(str(error)) from error
        with stop_on_signals() as stop, importer.create_index() as index:

            def report_row(line: int, reason: str) -> None:
                self.stderr.write(f"{file}:{line}: {reason}")

            run = ImportRun(importer, index, report_row, now=datetime.now(UTC), dry=dry_run)
            try:
                file_format = find_format(file, importer.layout, format_options(options))
                run.read(file, file_format)
                if dry_run:
                    self._describe_file(file, file_format)
                    self._preview(run)
                stopped = self._import(file, run, stop, stop_on_error=on_error == "stop" and not dry_run)
            except (EventShopError, DatabaseError, sqlite3.Error, OSError) as error:
                if run.tally.rows:
                    self.stdout.write(run.tally.describe())
                text = str(error).strip().rstrip(".")  # sqlite3.Error, OSError: no space for the temporary file
                raise CommandError(f"{text}.{_describe_progress(run)}", returncode=ROWS_REFUSED) from error
            self._summarise(file, run, monotonic() - started)
            if stop.is_set():
                raise CommandError(f"Stopped.{_describe_progress(run)}", returncode=STOPPED_BY_SIGNAL)
            self._report_errors(run, stopped=stopped)

    def _import(self, file: Path, run: ImportRun[Any], stop: Signal, *, stop_on_error: bool) -> bool:
        """Import the units; gives whether an error stopped it. With `stop_on_error`, one of reading lets none begin."""
        for line, reason in run.index.refusals():
            self.stderr.write(f"{file}:{line}: {reason}")
            if stop_on_error:
                return True
        with ImportProgress(self.stdout, total=run.tally.rows, unit="rows") as progress:
            for tally in run.import_units(stop, stop_on_error=stop_on_error):
                if not run.dry:
                    progress.report(tally.tried, f"{tally.events:,} events")
        return bool(run.tally.not_tried)

    def _summarise(self, file: Path, run: ImportRun[Any], seconds: float) -> None:
        tally = run.tally
        for warning in self._warnings(file, run):
            self.stderr.write(f"{file}: warning: {warning}")
        if run.dry:
            self.stdout.write("Control totals of what can be imported:")
            for line in run.importer.totals():
                self.stdout.write(f"  {line}")
            self.stdout.write(f"Nothing was written. An import now would give: {tally.describe()}")
        else:
            self.stdout.write(tally.describe())
            self.stdout.write(f"{run.importer.summary()}: {tally.events:,} events written, {seconds:.1f} s.")

    def _report_errors(self, run: ImportRun[Any], *, stopped: bool) -> None:
        if stopped:
            raise CommandError(
                f"Stopped at an error, the last one listed above.{_describe_progress(run)} With --on-error skip, "
                f"the import skips such {run.importer.units_noun} and continues.",
                returncode=STOPPED_AT_AN_ERROR,
            )
        if run.failed_corrections:
            raise CommandError(
                f"{'; '.join(run.failed_corrections[:3])}. {len(run.failed_corrections):,} {run.importer.units_noun} "
                "of earlier files do not agree with this one yet. To correct them, run the import again.",
                returncode=ROWS_REFUSED,
            )
        if run.tally.refused + run.tally.held_back:
            raise CommandError(
                "Some rows were refused or held back; they are listed above. All others are stored."
                if not run.dry
                else "Some rows would be refused or held back; they are listed above.",
                returncode=ROWS_REFUSED,
            )

    def _describe_file(self, file: Path, file_format: FileFormat) -> None:
        self.stdout.write(f"{file}: compression {describe_compression(file)}")
        for line in file_format.describe():
            self.stdout.write(f"  {line}")

    def _preview(self, run: ImportRun[Any]) -> None:
        self.stdout.write(f"The first {run.importer.units_noun} as they would be stored:")
        for plan in run.preview(PREVIEW_UNITS):
            state = plan.refusal or ("" if plan.commands else "already there")
            self.stdout.write(f"  {plan.unit.name}, line {plan.unit.rows[0].line}: {state}")
            for command, envelope in plan.commands:
                text = msgspec.json.encode(command).decode()
                shown = text if len(text) <= PREVIEW_CHARACTERS else f"{text[:PREVIEW_CHARACTERS]}…"
                self.stdout.write(f"    {type(command).__name__} at {envelope.occurred_at:%Y-%m-%d %H:%M %Z}: {shown}")

    def _warnings(self, file: Path, run: ImportRun[Any]) -> Iterator[str]:
        if run.repeats:
            yield f"{run.repeats:,} rows repeat another row exactly"
        yield from run.importer.warnings()
        if run.future_rows:
            yield f"{run.future_rows:,} rows are dated in the future, first in line {run.first_future_line}"
        if run.undecodable and (name := suggest_encoding(file)):
            yield f"{run.undecodable:,} rows have another encoding; if the whole file is {name}, use --encoding {name}"


def _describe_progress(run: ImportRun[Any]) -> str:
    """What is stored when the import ends early, and how to continue."""
    tally = run.tally
    if not tally.stored + tally.there:
        return f" Nothing was imported; {tally.not_tried:,} rows were not tried." if tally.rows else ""
    return (
        f" {tally.stored + tally.there:,} rows are stored, {tally.not_tried:,} were not tried. To continue from there, "
        "run the import again with the same file."
    )
