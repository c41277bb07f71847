"""manage.py as_of STREAM: an aggregate as it was, and what differs from another version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand
from rich.table import Table

from eventshop.cli.kafka_commands import said_clearly
from eventshop.cli.rich_output import console
from eventshop.datetimes import add_datetime_arguments
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.temporal_queries import Changed, Moment

_END = 2**31 - 1


class Command(BaseCommand):
    help = (
        "Show an aggregate as it was after a version or at a time, as JSON, and what differs from an earlier version."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stream", type=UUID, help="The aggregate's id.")
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--to-version", type=int, help="After the event of this version (default: the last).")
        add_datetime_arguments(when)
        parser.add_argument("--since", type=int, help="Also show what differs from this version; 0: from nothing.")

    def handle(self, *args: Any, stream: UUID, since: int | None, **options: Any) -> None:
        with said_clearly("Nothing was changed."):
            at = self._at(stream, options)
            self.stdout.write(f"{type(at.state).__name__} {stream}, version {at.version}{_told(at)}")
            self.stdout.write(msgspec.json.format(msgspec.json.encode(at.state)).decode())
            if since is not None:
                self._print(temporal_queries.diff(stream, since, at.version))

    def _at(self, stream: UUID, options: dict[str, Any]) -> Moment:
        if options["at"]:
            return temporal_queries.as_of(stream, options["at"])
        if options["happened_by"]:
            return temporal_queries.as_of(stream, options["happened_by"], business=True)
        version = options["to_version"]
        return temporal_queries.at_version(stream, _END if version is None else version)

    def _print(self, changes: list[Changed]) -> None:
        table = Table("field", "before", "after", "changed by")
        for it in changes:
            by = [f"{meta.event_type} {meta.version}, {meta.actor}" for meta in it.by]
            table.add_row(it.field, _text(it.before), _text(it.after), "\n".join(by))
        console(self).print(table)


def _told(at: Moment) -> str:
    return f", {at.last.event_type} of {at.last.recorded_at.isoformat()} by {at.last.actor}" if at.last else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)
