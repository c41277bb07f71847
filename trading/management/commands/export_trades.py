"""manage.py export_trades FILE --reason WHY [--account ID]: the audit trail of trades, for a regulator."""

from __future__ import annotations

import csv
import getpass
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from trading.application.audit_trail import COLUMNS, export_rows
from trading.domain.audit_log import AUDIT_LOG_ID
from trading.domain.commands import RecordAuditExport


class Command(BaseCommand):
    help = "Write the audit trail of trades, CSV or JSON lines by the ending of FILE. Who took it goes on record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A new file, .csv or .jsonl.")
        parser.add_argument("--reason", required=True, help="Why it is handed over, for the record.")
        parser.add_argument("--account", type=UUID, help="Only the trades of this account.")

    def handle(self, *args: Any, file: Path, reason: str, account: UUID | None, **options: Any) -> None:
        kind = file.suffix.removeprefix(".")
        if kind not in ("csv", "jsonl"):
            raise CommandError(f"{file}: must end in .csv or .jsonl")
        if file.exists():
            raise CommandError(f"{file}: is there already; an audit trail is not overwritten")
        try:
            with _partial_file(file) as part:
                trades, events = _write_rows(part, kind, account)
                digest = sha256(part.read_bytes()).hexdigest()
                # On record before anybody can read it.
                record = RecordAuditExport(AUDIT_LOG_ID, account, reason, kind, trades, events, digest)
                send(record, envelope=Envelope(new_id(), actor=getpass.getuser()))
                os.replace(part, file)
        except (EventShopError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{events:,} events of {trades:,} trades written to {file}, SHA-256 {digest}.")


@contextmanager
def _partial_file(file: Path) -> Iterator[Path]:
    """A file beside it, gone when it was not finished, and readable for its owner alone."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.touch(mode=0o600)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write_rows(part: Path, kind: str, account: UUID | None) -> tuple[int, int]:
    """Gives how many trades and events."""
    trades = events = 0
    with part.open("w", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        if kind == "csv":
            table.writeheader()
        for row in export_rows(account):
            events += 1
            trades += row["version"] == "1"
            if kind == "csv":
                table.writerow(row)
            else:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return trades, events
