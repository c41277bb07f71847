"""manage.py as_of STREAM: an aggregate as it was, and what differs from another version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

import msgspec
from django.core.management.base import BaseCommand
from rich.table import Table

from eventshop.cli.kafka_commands import report_errors
from eventshop.cli.rich_output import create_console
from eventshop.datetimes import add_datetime_arguments
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.temporal_queries import ChangedField, HistoricalState

_MAX_VERSION = 2**31 - 1


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
        with report_errors("Nothing was changed."):
            moment = self._load_moment(stream, options)
            self.stdout.write(f"{type(moment.state).__name__} {stream}, version {moment.version}{_last_event_text(moment)}")
            self.stdout.write(msgspec.json.format(msgspec.json.encode(moment.state)).decode())
            if since is not None:
                self._print_changes(temporal_queries.diff_versions(stream, since, moment.version))

    def _load_moment(self, stream: UUID, options: dict[str, Any]) -> HistoricalState:
        if options["at"]:
            return temporal_queries.load_as_of(stream, options["at"])
        if options["happened_by"]:
            return temporal_queries.load_as_of(stream, options["happened_by"], business=True)
        version = options["to_version"]
        return temporal_queries.load_at_version(stream, _MAX_VERSION if version is None else version)

    def _print_changes(self, changes: list[ChangedField]) -> None:
        table = Table("field", "before", "after", "changed by")
        for change in changes:
            by = [f"{meta.event_type} {meta.version}, {meta.actor}" for meta in change.changed_by]
            table.add_row(change.field, _text(change.before), _text(change.after), "\n".join(by))
        create_console(self).print(table)


def _last_event_text(moment: HistoricalState) -> str:
    return f", {moment.last.event_type} of {moment.last.recorded_at.isoformat()} by {moment.last.actor}" if moment.last else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)
