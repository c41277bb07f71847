"""manage.py import_online_retail FILE [--on-error stop|skip]: import the sales of a real shop by sending commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eventshop.cli.importing.base_command import ImportCommand
from orders.importers.online_retail.batch_sender import ImportBatch, InvoiceTally, send_batches
from orders.importers.online_retail.commands import import_commands
from orders.importers.online_retail.invoices import Invoice, group_by_invoice, hold_back_incomplete
from orders.importers.online_retail.parsing import RefusedRow, parse_file


class Command(ImportCommand):
    help = "Import an Online Retail file (CSV or .csv.gz). It can be stopped and started again at any time."
    unit = "invoices"
    skipped_unit = "its invoice", "such invoices"
    create_tally = InvoiceTally

    def read_file(self, file: Path) -> tuple[list[Invoice], list[RefusedRow]]:
        rows, refused = parse_file(file)
        complete, held_back = hold_back_incomplete(group_by_invoice(rows), refused)
        # Refused rows come first: with `--on-error stop` the cause is named, not a row that is held back because of it.
        return complete, refused + held_back

    def send_batches(self, invoices: Sequence[Invoice]) -> Iterator[ImportBatch]:
        return send_batches(import_commands(invoices))

    def format_summary(self, tally: InvoiceTally, refused_count: int, seconds: float) -> str:
        return (
            f"{tally.orders:,} orders, {tally.credit_notes:,} credit notes, {tally.returns:,} returns and "
            f"{tally.write_offs:,} write-offs imported: {tally.events:,} events written, "
            f"{tally.already_there:,} commands already there, {refused_count:,} rows refused, {seconds:.1f} s."
        )
