"""manage.py read_model_as_of NAME --at TIME: a read model, or one row of it, as it was."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from eventshop.cli.kafka_commands import said_clearly
from eventshop.cli.progress_bar import progress
from eventshop.datetimes import add_datetime_arguments
from eventshop.eventstore.tail_reader import newest_position
from eventshop.projections.historical_queries import LINEAGE, rows_as_of
from eventshop.projections.projection import catalogue


def _unheard(position: int) -> None:
    """Lines that another program reads are no place for a bar."""


class Command(BaseCommand):
    help = "Fold a read model, or one row of it, as it was at a time; a line of JSON for each row. Nothing is written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        when = parser.add_mutually_exclusive_group(required=True)
        add_datetime_arguments(when)
        parser.add_argument("--key", help="Only the row with this primary key.")

    def handle(
        self, *args: Any, name: str, at: datetime | None, happened_by: datetime | None, key: str | None, **options: Any
    ) -> None:
        with said_clearly("Nothing was changed."):
            projection = catalogue.get(name)
            bar = progress(self, name, newest_position()) if self.stdout.isatty() else nullcontext(_unheard)
            with bar as told:
                rows = rows_as_of(
                    projection, at or happened_by or timezone.now(), key=key, business=at is None, told=told
                )
        if key is not None and not rows:
            raise CommandError(f"{name} had no row {key} then.")
        columns = [field.attname for field in projection.model._meta.concrete_fields if field.attname not in LINEAGE]
        for pk in sorted(rows, key=str):
            row = {column: getattr(rows[pk], column) for column in columns}
            self.stdout.write(json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False))
        self.stderr.write(f"{len(rows):,} rows.")
