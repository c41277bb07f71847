"""manage.py retry_dead_letters [NAME...] [--aggregate ID|--up-to EVENT] [--cause TEXT]: fold them again, now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections import dead_letter_retry
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import projection_registry
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Retry dead letters without waiting for their next attempt. Exits 1 when some still fail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="Projections; without names: all.")
        parser.add_argument("--aggregate", type=UUID, metavar="ID", help="Only this aggregate's events.")
        parser.add_argument("--up-to", type=UUID, metavar="EVENT", help="Up to this dead letter of one projection.")
        parser.add_argument("--cause", metavar="TEXT", help="Only what fails for this cause, as the console names it.")

    def handle(self, *args: Any, names: list[str], aggregate: UUID | None, cause: str | None, **options: Any) -> None:
        up_to = None
        try:
            selected = [projection.name for projection in projection_registry.select(names)]
            if options["up_to"] is not None:
                if len(names) != 1:
                    raise CommandError("--up-to needs the name of one projection")
                letter = dead_letter_operations.find_letter(names[0], options["up_to"])
                aggregate, up_to = letter.aggregate_id, letter.position
        except EventShopError as error:
            raise CommandError(str(error)) from error
        rows = DeadLetter.objects.filter(projection__in=selected)
        if aggregate is not None:
            rows = rows.filter(aggregate_id=aggregate)
        if cause is not None:
            rows = rows.filter(fingerprint=cause).exclude(error="")
        queues = list(rows.values_list("projection", "aggregate_id").distinct())
        folded = remaining = 0
        for name, aggregate_id in queues:
            result = dead_letter_operations.retry(name, aggregate_id, actor=command_line_actor(), up_to=up_to)
            folded += result.folded
            while (
                result.remaining and result.folded >= dead_letter_retry.RETRY_BATCH
            ):  # a long queue, not another failure
                result = dead_letter_retry.retry(name, aggregate_id, up_to=up_to)
                folded += result.folded
            remaining += result.remaining
        self.stdout.write(f"{folded} dead letters folded, {remaining} remain.")
        if remaining and (up_to is None or rows.filter(position__lte=up_to).exists()):
            raise CommandError("Some events still fail; projections_status and the admin show why.", returncode=1)
