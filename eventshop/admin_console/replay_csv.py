"""The result of a replay as CSV, one line at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator

from eventshop.admin_console.csv_lines import csv_line
from eventshop.projections.models import Replay


def csv_lines(job: Replay) -> Iterator[str]:
    """The complete result, with a header line."""
    is_dry_run = job.kind == Replay.Kind.DRY_RUN
    for number, row in enumerate(job.found.order_by("number").iterator(chunk_size=1_000)):
        columns = json.loads(row.columns)
        if not number:
            yield csv_line(["key", "column", "as_it_is", "as_it_would_be"] if is_dry_run else list(columns))
        if is_dry_run:
            yield "".join(csv_line((row.key, name, *pair)) for name, pair in columns.items())
        else:
            yield csv_line(columns.values())
