"""The result of a replay as CSV, one line at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from eventshop.projections.models import Replay
from eventshop.runtime.csv_cells import safe_cell


class _EchoWriter:
    """A file object for `csv.writer` that returns each line instead of writing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(job: Replay) -> Iterator[str]:
    """The complete result, with a header line."""
    write = csv.writer(_EchoWriter()).writerow
    is_dry_run = job.kind == Replay.Kind.DRY_RUN
    for number, row in enumerate(job.found.order_by("number").iterator(chunk_size=1_000)):
        columns = json.loads(row.columns)
        if not number:
            yield write(["key", "column", "as_it_is", "as_it_would_be"] if is_dry_run else list(columns))
        if is_dry_run:
            yield "".join(
                write([safe_cell(value) for value in (row.key, name, *pair)]) for name, pair in columns.items()
            )
        else:
            yield write([safe_cell(value) for value in columns.values()])
