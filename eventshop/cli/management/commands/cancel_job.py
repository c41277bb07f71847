"""manage.py cancel_job replay|dead-letters ID: end a replay, or a bulk action on dead letters."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations, row_operations
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections.models import DeadLetterJob, Replay
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "End a check, dry run or point-in-time query without a result, or a retry or skip of dead letters where it "
        "is. Rebuilds: control_rebuild. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=("replay", "dead-letters"))
        parser.add_argument("job", type=int, metavar="ID", help="The number of the job, as in its address.")

    def handle(self, *args: Any, kind: str, job: int, **options: Any) -> None:
        actor = command_line_actor()
        try:
            if kind == "replay":
                row_operations.cancel_replay(Replay.objects.get(pk=job), actor=actor)
            else:
                dead_letter_operations.cancel_job(DeadLetterJob.objects.get(pk=job), actor=actor)
        except (Replay.DoesNotExist, DeadLetterJob.DoesNotExist):
            raise CommandError(f"no such job has the number {job}") from None
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{kind} {job}: cancelled")
