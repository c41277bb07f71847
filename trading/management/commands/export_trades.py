"""`manage.py export_trades FILE --reason WHY [--account ID]`: export the audit trail of trades for a regulator."""

from __future__ import annotations

import csv
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.csv_cells import safe_cell
from trading.application.audit_trail import COLUMNS, export_rows
from trading.domain.audit_log import AUDIT_LOG_ID
from trading.domain.commands import RecordAuditExport


class Command(LoggedCommand):
    access = AccessRecord.Kind.EXPORT
    help = "Export the audit trail of trades as CSV or JSON lines, by the suffix of FILE. The export is recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="The file to create, .csv or .jsonl.")
        parser.add_argument("--reason", required=True, help="The reason of the export, for the record.")
        parser.add_argument("--account", type=UUID, help="Export only the trades of this account.")

    def handle(self, *args: Any, file: Path, reason: str, account: UUID | None, **options: Any) -> None:
        kind = file.suffix.removeprefix(".")
        if kind not in ("csv", "jsonl"):
            raise CommandError(f"{file}: the file name must end in .csv or .jsonl")
        if file.exists():
            raise CommandError(f"{file}: the file exists, and an audit trail is never overwritten; choose another name")
        try:
            with _partial_file(file) as part:
                trades, events = _write_rows(part, kind, account)
                digest = sha256(part.read_bytes()).hexdigest()
                # Record the export before the file becomes readable: no copy may stay unrecorded.
                record = RecordAuditExport(AUDIT_LOG_ID, account, reason, kind, trades, events, digest)
                send(record, envelope=Envelope(new_id(), actor=command_line_actor()))
                os.replace(part, file)
        except (EventShopError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{events:,} events of {trades:,} trades written to {file}, SHA-256 {digest}.")


@contextmanager
def _partial_file(file: Path) -> Iterator[Path]:
    """A temporary file in the same folder, readable by its owner only; deleted unless it was renamed."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.touch(mode=0o600)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write_rows(part: Path, kind: str, account: UUID | None) -> tuple[int, int]:
    """Write the rows; returns the numbers of trades and events."""
    trades = events = 0
    with part.open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        if kind == "csv":
            table.writeheader()
        for row in export_rows(account):
            events += 1
            trades += row["version"] == "1"
            if kind == "csv":
                # A name may begin like a formula of a spreadsheet; docs/check_audit_trail.py takes the quote off.
                table.writerow(row | {"actor": safe_cell(row["actor"])})
            else:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return trades, events
