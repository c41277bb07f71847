"""manage.py import_online_retail FILE [--on-error stop|skip]: a month of a real shop, through commands."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Signal
from threading import current_thread, main_thread
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from eventshop.core.errors import EventShopError
from orders.management.progress import Progress
from orders.online_retail.invoices import Invoice, complete, invoices
from orders.online_retail.letters import letters
from orders.online_retail.reading import Refusal, read
from orders.online_retail.sending import Tally, sent


class Command(BaseCommand):
    help = "Import an Online Retail file (CSV or .csv.gz). It can be stopped and started again at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--on-error",
            choices=("stop", "skip"),
            default="stop",
            help="What to do about a row that cannot be imported: stop (the default), or go on without its invoice.",
        )

    def handle(self, *args: Any, file: Path, on_error: str, **options: Any) -> None:
        started, tally, stop_on_error = monotonic(), Tally(), on_error == "stop"
        with stopping() as stop:
            try:
                found, refused = self._read(file, stop_on_error=stop_on_error)
                refused += self._send(file, found, tally, stop, stop_on_error=stop_on_error)
            except (EventShopError, DatabaseError) as error:
                raise CommandError(f"{str(error).strip().rstrip('.')}.{_done(tally)}") from error
        self._summary(tally, refused, monotonic() - started)
        if stop.is_set():
            raise CommandError(f"Stopped.{_done(tally)}", returncode=130)
        if refused:
            raise CommandError("Some rows were refused; they are named above.")

    def _read(self, file: Path, *, stop_on_error: bool) -> tuple[list[Invoice], list[Refusal]]:
        rows, broken = read(file)
        found, held = complete(invoices(rows), broken)
        refused = broken + held
        self._name(file, refused[:1] if stop_on_error else sorted(refused, key=lambda refusal: refusal.line))
        if stop_on_error and refused:
            raise CommandError("Nothing was imported. With --on-error skip the import goes on without such invoices.")
        return found, refused

    def _send(
        self, file: Path, found: Sequence[Invoice], tally: Tally, stop: Signal, *, stop_on_error: bool
    ) -> list[Refusal]:
        refused: list[Refusal] = []
        with Progress(self.stdout, total=len(found), unit="invoices") as progress:
            batches = sent(letters(found))
            while not stop.is_set() and (batch := next(batches, None)):
                new = tally.add(batch)
                self._name(file, new)
                refused += new
                progress.at(tally.invoices, f"{tally.events:,} events")
                if new and stop_on_error:
                    break
        return refused

    def _name(self, file: Path, refused: Sequence[Refusal]) -> None:
        for refusal in refused:
            self.stderr.write(f"{file}:{refusal.line}: {refusal.reason}")

    def _summary(self, tally: Tally, refused: Sequence[Refusal], seconds: float) -> None:
        self.stdout.write(
            f"{tally.orders:,} orders, {tally.credit_notes:,} credit notes, {tally.returns:,} returns and "
            f"{tally.write_offs:,} write-offs imported: {tally.events:,} events written, "
            f"{tally.already_there:,} commands already there, {len(refused):,} rows refused, {seconds:.1f} s."
        )


@contextmanager
def stopping() -> Iterator[Signal]:
    """Ctrl-C and SIGTERM end the import after the batch in hand."""
    stop = Signal()
    if current_thread() is not main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _done(tally: Tally) -> str:
    """What has been achieved, when the import ends early."""
    if not tally.invoices:
        return " Nothing was imported."
    return f" {tally.invoices:,} invoices are stored; started again with the same file, the import goes on from there."
