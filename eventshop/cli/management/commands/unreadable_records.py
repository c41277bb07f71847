"""manage.py unreadable_records list|retry|skip [PARTITION@OFFSET|--cause TEXT]: records that are no events."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.management.commands.acknowledge_records import location
from eventshop.cli.rich_output import create_console
from eventshop.core.errors import EventShopError
from eventshop.operations import unreadable_records
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "List the records of the log that no projection could read, by cause; read one, or all of a cause, again; or "
        "skip them: acknowledge that they stay. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=("list", "retry", "skip"))
        parser.add_argument("record", nargs="?", type=location, metavar="PARTITION@OFFSET")
        parser.add_argument("--cause", metavar="TEXT", help="All records of this cause, as `list` prints it.")
        parser.add_argument("--reason", default="", help="Why they are skipped.")

    def handle(self, *args: Any, verb: str, record: Any, cause: str | None, reason: str, **options: Any) -> None:
        if verb == "list":
            return self._list()
        if (record is None) == (cause is None):
            raise CommandError("name one record as PARTITION@OFFSET, or a cause with --cause")
        actor = command_line_actor()
        try:
            if cause is not None and verb == "retry":
                readable, others = unreadable_records.retry_cause(cause, actor=actor)
                text = f"{readable} are events by now, {others} cannot be read"
            elif cause is not None:
                text = f"{unreadable_records.skip_cause(cause, actor=actor, reason=reason)} acknowledged"
            else:
                text = self._act(verb, record, actor, reason)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text)

    def _act(self, verb: str, place: tuple[int, int], actor: str, reason: str) -> str:
        row = unreadable_records.find_record(*place)
        if verb == "skip":
            unreadable_records.skip(row, actor=actor, reason=reason)
            return f"{row}: acknowledged"
        verdict = unreadable_records.retry(row, actor=actor)
        return f"{row}: " + (f"it is {verdict.text}" if verdict.is_readable else f"cannot be read: {verdict.text}")

    def _list(self) -> None:
        table = Table("cause", "records", "projections", "since")
        for cause in unreadable_records.causes(unreadable_records.MAX_RECORDS):
            table.add_row(
                cause.fingerprint, f"{cause.records:,}", str(cause.projections), f"{cause.since:%Y-%m-%d %H:%M}"
            )
        create_console(self).print(table)
