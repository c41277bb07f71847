"""Import a file of sales, in this process or in one that can be killed, and check the result."""

from __future__ import annotations

import csv
import gzip
import os
import re
import signal
import subprocess
import sys
from io import StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.eventstore.records import to_recorded_event
from tests.conftest import BASE_DIR, SHARED_DATA
from tests.support.retail_files import write_sales_file
from tests.support.waiting import DEADLINE_S, wait_until

#: A month of real sales and its control totals; mark tests that use them with `data`.
MONTH: Final = SHARED_DATA / "online_retail_2010-12.csv.gz"
CONTROL_TOTALS: Final = SHARED_DATA / "control_totals.json"
IMPORT: Final = "import_online_retail"
#: The events and receipts of the whole month.
MONTH_EVENTS: Final = 3_844
MONTH_RECEIPTS: Final = 3_688
#: The events of its first day.
DAY_EVENTS: Final = 280


def write_first_days(folder: Path, last: str) -> Path:
    """The days of the month up to this date as a file. The first one, 2010-12-01, is a fourteenth of the month."""
    header, *rows = gzip.decompress(MONTH.read_bytes()).decode().splitlines()
    days = (row for row in rows if next(csv.reader([row]))[4][:10] <= last)
    return write_sales_file(folder, *days, header=header)


class ImportRun:
    """One run of the command: its output, error lines, exit code, and its error with the cause."""

    def __init__(self, file: Path, *options: str, command: str = IMPORT) -> None:
        out, err = StringIO(), StringIO()
        self.file, self.code, self.failure = file, 0, ""
        self.cause: BaseException | None = None
        try:
            call_command(command, str(file), *options, stdout=out, stderr=err)
        except CommandError as error:
            self.code, self.failure, self.cause = error.returncode, str(error), error.__cause__
        self.output, self.error_lines = out.getvalue(), err.getvalue().splitlines()

    @property
    def counts(self) -> list[int]:
        """The numbers of the summary in their order, up to the seconds that the import took."""
        numbers = re.findall(r"\d[\d,.]*", self.output.splitlines()[-1])
        return [int(number.replace(",", "")) for number in takewhile(lambda number: "." not in number, numbers)]

    @property
    def rows(self) -> list[int]:
        """The rows of the file, then those stored, already there, refused, held back and not tried."""
        [line] = [line for line in self.output.splitlines() if " rows in the file = " in line]
        numbers = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]
        assert numbers[0] == sum(numbers[1:]), line
        return numbers

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.error_lines if ": warning: " in line]

    @property
    def refused(self) -> dict[int, str]:
        """The rows refused or held back: the reason by line, in the order in which they were reported."""
        rows = (line for line in self.error_lines if line not in self.warnings)
        places = (line.removeprefix(f"{self.file}:").partition(": ") for line in rows)
        return {int(number): reason for number, _, reason in places}


def run_projections() -> None:
    call_command("run_projections", once=True, stdout=StringIO())


def differing_totals(file: Path, totals: Path | None, command: str = "verify_sales") -> set[str]:
    """The totals that the command marks as different, without `totals` to those of the file itself.

    Also checks its exit code and message.
    """
    out, code, message = StringIO(), 0, ""
    try:
        call_command(command, str(file), totals=totals, stdout=out)
    except CommandError as error:
        code, message = error.returncode, str(error)
    marked = {row.split()[1] for row in out.getvalue().splitlines() if row.startswith("≠")}
    assert code == bool(marked), message
    assert message.startswith(f"{len(marked)} of ") if marked else "totals agree." in out.getvalue()
    return marked


def imported_history() -> list[tuple[Any, ...]]:
    """The stored events as they are read, without what differs between runs."""
    recorded = [to_recorded_event(row, registry) for row in backend().select_events("ORDER BY position", ())]
    history = [
        (
            meta.aggregate_id,
            meta.version,
            meta.event_type,
            meta.occurred_at,
            meta.correlation_id,
            meta.command_id,
            event,
        )
        for event, meta in ((item.event, item.meta) for item in recorded)
    ]
    return sorted(history, key=str)


def count_events_and_receipts() -> tuple[int, int]:
    return StoredEvent.objects.count(), StoredReceipt.objects.count()


class ImportProcess:
    """The import command in its own process."""

    def __init__(self, file: Path, database_url: str, command: str = IMPORT) -> None:
        environment = os.environ | {"DATABASE_URL": database_url, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", command, str(file)],
            cwd=BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_written(self, events: int) -> None:
        """Wait until the process has written so many events, or has ended."""
        wait_until(
            lambda: StoredEvent.objects.count() >= events or self.process.poll() is not None,
            seen=lambda: f"{StoredEvent.objects.count()} events of {events}",
        )

    def wait_for_exit(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Optionally send a signal, then wait; gives the exit code and the output."""
        if number is not None:
            self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, output
