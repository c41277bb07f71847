"""manage.py as_of STREAM: the state of an aggregate at a version or time, and its changes since another version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

import msgspec
from rich.table import Table

from eventshop.cli.kafka_commands import report_errors
from eventshop.cli.rich_output import create_console
from eventshop.datetimes import add_datetime_arguments
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.temporal_queries import ChangedField, HistoricalState
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord

_MAX_VERSION = 2**31 - 1


class Command(LoggedCommand):
    access = AccessRecord.Kind.STATE
    help = "Print the state of an aggregate at a version or time as JSON, and what changed since an earlier version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stream", type=UUID, help="The aggregate's id.")
        point = parser.add_mutually_exclusive_group()
        point.add_argument("--to-version", type=int, help="The version (default: the last).")
        add_datetime_arguments(point)
        parser.add_argument(
            "--since", type=int, help="Also print the changes since this version; 0: since the beginning."
        )

    def handle(self, *args: Any, stream: UUID, since: int | None, **options: Any) -> None:
        with report_errors("Nothing was changed."):
            state_at = self._load_state(stream, options)
            self.stdout.write(
                f"{type(state_at.state).__name__} {stream}, version {state_at.version}{_last_event_text(state_at)}"
            )
            self.stdout.write(msgspec.json.format(msgspec.json.encode(state_at.state)).decode())
            if since is not None:
                self._print_changes(temporal_queries.diff_versions(stream, since, state_at.version))

    def _load_state(self, stream: UUID, options: dict[str, Any]) -> HistoricalState:
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


def _last_event_text(state_at: HistoricalState) -> str:
    return (
        f", {state_at.last.event_type} of {state_at.last.recorded_at.isoformat()} by {state_at.last.actor}"
        if state_at.last
        else ""
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
