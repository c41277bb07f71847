"""manage.py check_rows NAME --key K | --stream ID [--repair --reason TEXT]: compare rows with their events."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord
from eventshop.operations.row_operations import request_row_check
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections import replays
from eventshop.projections.models import Replay


class Command(LoggedCommand):
    access = AccessRecord.Kind.STATE
    help = (
        "Fold one row, or all rows that a stream changes, from their events and print what differs. With --repair it "
        "is put right, and the operator log records it. Exits 1 when something differs and is not repaired."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--key", default="", help="The primary key of the row.")
        what.add_argument("--stream", type=UUID, metavar="ID", help="The stream.")
        parser.add_argument("--repair", action="store_true", help="Write what differs.")
        parser.add_argument("--reason", default="", help="Why; needed to repair.")

    def handle(self, *args: Any, name: str, key: str, stream: UUID | None, repair: bool, **options: Any) -> None:
        try:
            job = request_row_check(
                name, key=key, stream=stream, repair=repair, actor=command_line_actor(), reason=options["reason"]
            )
        except EventShopError as error:
            raise CommandError(str(error)) from error
        job = replays.run_replay(job)
        if job.state != Replay.State.DONE:
            raise CommandError(job.error or "a worker is running it; see Replays in the console")
        for row in job.found.order_by("number"):
            self.stdout.write(f"{row.key}: {row.columns}")
        self.stdout.write(f"{name}: {replays.describe_differences(job)}, by {job.events} events.")
        if not repair and job.added + job.changed + job.removed:
            raise CommandError("Some rows are not what their events say; --repair puts them right.", returncode=1)
