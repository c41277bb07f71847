"""manage.py import_online_retail FILE [--on-error stop|skip]: a month of a real shop, through commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eventshop.cli.importing.base_command import ImportCommand
from orders.importers.online_retail.batch_sender import Batch, Tally, sent
from orders.importers.online_retail.commands import letters
from orders.importers.online_retail.invoices import Invoice, complete, invoices
from orders.importers.online_retail.parsing import Refusal, read


class Command(ImportCommand):
    help = "Import an Online Retail file (CSV or .csv.gz). It can be stopped and started again at any time."
    unit = "invoices"
    left_out = "its invoice", "such invoices"
    new_tally = Tally

    def read(self, file: Path) -> tuple[list[Invoice], list[Refusal]]:
        rows, broken = read(file)
        found, held = complete(invoices(rows), broken)
        # Stopping, the row that is broken is named, not an earlier one that it holds up.
        return found, broken + held

    def batches(self, found: Sequence[Invoice]) -> Iterator[Batch]:
        return sent(letters(found))

    def summary(self, tally: Tally, refused: int, seconds: float) -> str:
        return (
            f"{tally.orders:,} orders, {tally.credit_notes:,} credit notes, {tally.returns:,} returns and "
            f"{tally.write_offs:,} write-offs imported: {tally.events:,} events written, "
            f"{tally.already_there:,} commands already there, {refused:,} rows refused, {seconds:.1f} s."
        )
