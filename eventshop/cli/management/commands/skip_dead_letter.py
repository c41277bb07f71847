"""manage.py skip_dead_letter NAME EVENT|--cause TEXT [--restore]: let a projection go on without an event."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections.dead_letter_jobs import Verb
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Skip a dead letter: the projection goes on without this event, and so does each later rebuild. With --restore "
        "a skipped event is folded again by a rebuild, which this requests. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection.")
        parser.add_argument("event", nargs="?", type=UUID, metavar="EVENT", help="The id of the event.")
        parser.add_argument("--cause", metavar="TEXT", help="All that fail for this cause, as the console names it.")
        parser.add_argument("--restore", action="store_true", help="Fold a skipped event again.")
        parser.add_argument("--reason", required=True, help="Why; the console shows it.")

    def handle(
        self,
        *args: Any,
        name: str,
        event: UUID | None,
        cause: str | None,
        restore: bool,
        reason: str,
        **options: Any,
    ) -> None:
        actor = command_line_actor()
        try:
            if cause is not None:
                job = dead_letter_operations.act_on_cause(name, cause, Verb.SKIP, actor=actor, reason=reason)
                return self.stdout.write(f"job {job.pk}: a worker skips {job.total:,} dead letters of {name}")
            if event is None:
                raise CommandError("name an event, or a cause with --cause")
            (dead_letter_operations.restore if restore else dead_letter_operations.skip)(
                name, event, actor=actor, reason=reason
            )
        except EventShopError as error:
            raise CommandError(str(error)) from error
        done = "a worker rebuilds the projection with it" if restore else "skipped; what waited behind it is retried"
        self.stdout.write(f"{event} in {name}: {done}")
