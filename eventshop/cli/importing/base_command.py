"""What importing commands do alike: read a file, name what is refused by its line, send what is left, sum up."""

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


class RefusedRow(Protocol):
    """A row that is not imported, and why."""

    @property
    def line(self) -> int: ...

    @property
    def reason(self) -> str: ...


class ImportTally(Protocol):
    """What an import has done so far."""

    events: int

    @property
    def done(self) -> int:
        """How many units of the file are stored, by this run or an earlier one."""
        ...

    def add(self, batch: Any) -> Sequence[RefusedRow]:
        """Count a batch, and give the rows whose commands were refused."""
        ...


class ImportCommand(BaseCommand):
    """A file, through commands. It can be stopped and started again at any time."""

    #: What is counted: `invoices`.
    unit: ClassVar[str]
    #: What the import does without, for a row that is refused: `its invoice`, and for several: `such invoices`.
    skipped_unit: ClassVar[tuple[str, str]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--on-error",
            choices=("stop", "skip"),
            default="stop",
            help="What to do about a row that cannot be imported: stop (the default), or go on without "
            f"{self.skipped_unit[0]}.",
        )

    def create_tally(self) -> Any:
        raise NotImplementedError

    def read_file(self, file: Path) -> tuple[Sequence[Any], Sequence[RefusedRow]]:
        """What can be imported, and what not; the first of it is what to mend first."""
        raise NotImplementedError

    def send_batches(self, found: Sequence[Any]) -> Iterator[Any]:
        """Send batch after batch; what has been given is stored."""
        raise NotImplementedError

    def format_summary(self, tally: Any, refused: int, seconds: float) -> str:
        raise NotImplementedError

    def handle(self, *args: Any, file: Path, on_error: str, **options: Any) -> None:
        started, tally, stop_on_error = monotonic(), self.create_tally(), on_error == "stop"
        with stop_on_signals() as stop:
            try:
                found, refused = self._read_file(file, stop_on_error=stop_on_error)
                refused += self._send_batches(file, found, tally, stop, stop_on_error=stop_on_error)
            except (EventShopError, DatabaseError) as error:
                raise CommandError(f"{str(error).strip().rstrip('.')}.{self._format_progress(tally)}") from error
        self.stdout.write(self.format_summary(tally, refused, monotonic() - started))
        if stop.is_set():
            raise CommandError(f"Stopped.{self._format_progress(tally)}", returncode=130)
        if refused:
            raise CommandError("Some rows were refused; they are named above.")

    def _read_file(self, file: Path, *, stop_on_error: bool) -> tuple[Sequence[Any], int]:
        found, refused = self.read_file(file)
        self._report_rows(file, refused[:1] if stop_on_error else sorted(refused, key=lambda refusal: refusal.line))
        if stop_on_error and refused:
            raise CommandError(
                f"Nothing was imported. With --on-error skip the import goes on without {self.skipped_unit[1]}."
            )
        return found, len(refused)

    def _send_batches(self, file: Path, found: Sequence[Any], tally: ImportTally, stop: Signal, *, stop_on_error: bool) -> int:
        refused = 0
        with ImportProgress(self.stdout, total=len(found), unit=self.unit) as progress:
            batches = self.send_batches(found)
            while not stop.is_set() and (batch := next(batches, None)):
                new = tally.add(batch)
                self._report_rows(file, new)
                refused += len(new)
                progress.report(tally.done, f"{tally.events:,} events")
                if new and stop_on_error:
                    break
        return refused

    def _report_rows(self, file: Path, refused: Sequence[RefusedRow]) -> None:
        for refusal in refused:
            self.stderr.write(f"{file}:{refusal.line}: {refusal.reason}")

    def _format_progress(self, tally: ImportTally) -> str:
        """What has been achieved, when the import ends early."""
        if not tally.done:
            return " Nothing was imported."
        return (
            f" {tally.done:,} {self.unit} are stored; started again with the same file, the import goes on from there."
        )
