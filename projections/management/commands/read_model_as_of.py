"""manage.py read_model_as_of NAME --at TIME: a read model, or one row of it, as of a time."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from eventshop.cli.kafka_commands import report_errors
from eventshop.cli.progress_bar import show_progress
from eventshop.datetimes import add_datetime_arguments
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord
from eventshop.projections.historical_queries import LINEAGE, rows_as_of
from eventshop.projections.projection import projection_registry


def ignore_progress(position: int) -> None:
    """No progress bar when another program reads the output."""


class Command(LoggedCommand):
    access = AccessRecord.Kind.STATE
    help = "Print a read model, or one row of it, as of a time: one JSON line per row. Writes nothing to the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        when = parser.add_mutually_exclusive_group(required=True)
        add_datetime_arguments(when)
        parser.add_argument("--key", help="Print only the row with this primary key.")

    def handle(
        self, *args: Any, name: str, at: datetime | None, happened_by: datetime | None, key: str | None, **options: Any
    ) -> None:
        with report_errors("Nothing was changed."):
            projection = projection_registry.get(name)
            bar = show_progress(self, name, newest_position()) if self.stdout.isatty() else nullcontext(ignore_progress)
            with bar as on_progress:
                rows = rows_as_of(
                    projection,
                    at or happened_by or timezone.now(),
                    key=key,
                    business=at is None,
                    on_progress=on_progress,
                )
        if key is not None and not rows:
            raise CommandError(f"{name} had no row {key} at that time.")
        hidden = LINEAGE.union(projection.model.internal)
        columns = [field.attname for field in projection.model._meta.concrete_fields if field.attname not in hidden]
        for pk in sorted(rows, key=str):
            row = {column: getattr(rows[pk], column) for column in columns}
            self.stdout.write(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False))
        self.stderr.write(f"{len(rows):,} rows.")
