"""The result of a replay as CSV, line by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from eventshop.projections.models import Replay


class _EchoWriter:
    """What the csv writer writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(job: Replay) -> Iterator[str]:
    """The whole of it, its columns' names first."""
    write = csv.writer(_EchoWriter()).writerow
    dry = job.kind == Replay.Kind.DRY_RUN
    for number, row in enumerate(job.found.order_by("number").iterator(chunk_size=1_000)):
        columns = json.loads(row.columns)
        if not number:
            yield write(["key", "column", "as_it_is", "as_it_would_be"] if dry else list(columns))
        if dry:
            yield "".join(
                write([_safe_cell(value) for value in (row.key, name, *pair)]) for name, pair in columns.items()
            )
        else:
            yield write([_safe_cell(value) for value in columns.values()])


def _safe_cell(value: Any) -> str:
    """As a spreadsheet takes it: never as a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
