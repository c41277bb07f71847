"""The base of import commands: read a file, report refused rows by line, send the commands, print a summary."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event as Signal
from time import monotonic
from typing import Any, ClassVar, Protocol

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from eventshop.cli.importing.progress import ImportProgress
from eventshop.cli.importing.signals import stop_on_signals
from eventshop.core.errors import EventShopError


class ImportRefusal(Protocol):
    """A row that is not imported, with the reason."""

    @property
    def line(self) -> int: ...

    @property
    def reason(self) -> str: ...


class ImportTally(Protocol):
    """The running totals of an import."""

    events: int

    @property
    def done(self) -> int:
        """Units of the file that are stored, by this run or an earlier one."""
        ...

    def add(self, batch: Any) -> Sequence[ImportRefusal]:
        """Add a batch to the totals and return the rows whose commands were refused."""
        ...


class ImportCommand(BaseCommand):
    """Imports a file through commands. It can be stopped at any time; the next run continues."""

    #: The unit of the totals: `invoices`.
    unit: ClassVar[str]
    #: What is skipped with one refused row, `its invoice`, and with several, `such invoices`.
    skipped_unit: ClassVar[tuple[str, str]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--on-error",
            choices=("stop", "skip"),
            default="stop",
            help=f"What to do with a row that cannot be imported: stop (the default), or skip {self.skipped_unit[0]}.",
        )

    def create_tally(self) -> Any:
        raise NotImplementedError

    def read_file(self, file: Path) -> tuple[Sequence[Any], Sequence[ImportRefusal]]:
        """The units that can be imported, and the refused rows; the first of these is reported if the import stops."""
        raise NotImplementedError

    def send_batches(self, units: Sequence[Any]) -> Iterator[Any]:
        """Send the commands batch by batch; a batch is stored when it is yielded."""
        raise NotImplementedError

    def format_summary(self, tally: Any, refused_count: int, seconds: float) -> str:
        raise NotImplementedError

    def handle(self, *args: Any, file: Path, on_error: str, **options: Any) -> None:
        started, tally, stop_on_error = monotonic(), self.create_tally(), on_error == "stop"
        with stop_on_signals() as stop:
            try:
                units, refused_count = self._read_file(file, stop_on_error=stop_on_error)
                refused_count += self._send_batches(file, units, tally, stop, stop_on_error=stop_on_error)
            except (EventShopError, DatabaseError) as error:
                raise CommandError(f"{str(error).strip().rstrip('.')}.{self._format_progress(tally)}") from error
        self.stdout.write(self.format_summary(tally, refused_count, monotonic() - started))
        if stop.is_set():
            raise CommandError(f"Stopped.{self._format_progress(tally)}", returncode=130)
        if refused_count:
            raise CommandError("Some rows were refused; they are listed above.")

    def _read_file(self, file: Path, *, stop_on_error: bool) -> tuple[Sequence[Any], int]:
        units, refusals = self.read_file(file)
        self._report_rows(file, refusals[:1] if stop_on_error else sorted(refusals, key=lambda refusal: refusal.line))
        if stop_on_error and refusals:
            raise CommandError(
                f"Nothing was imported. With --on-error skip, the import skips {self.skipped_unit[1]} and continues."
            )
        return units, len(refusals)

    def _send_batches(
        self, file: Path, units: Sequence[Any], tally: ImportTally, stop: Signal, *, stop_on_error: bool
    ) -> int:
        refused_count = 0
        with ImportProgress(self.stdout, total=len(units), unit=self.unit) as progress:
            batches = self.send_batches(units)
            while not stop.is_set() and (batch := next(batches, None)):
                refusals = tally.add(batch)
                self._report_rows(file, refusals)
                refused_count += len(refusals)
                progress.report(tally.done, f"{tally.events:,} events")
                if refusals and stop_on_error:
                    break
        return refused_count

    def _report_rows(self, file: Path, refusals: Sequence[ImportRefusal]) -> None:
        for refusal in refusals:
            self.stderr.write(f"{file}:{refusal.line}: {refusal.reason}")

    def _format_progress(self, tally: ImportTally) -> str:
        """What has been stored when the import ends early."""
        if not tally.done:
            return " Nothing was imported."
        return (
            f" {tally.done:,} {self.unit} are stored. To continue from there, run the import again with the same file."
        )
