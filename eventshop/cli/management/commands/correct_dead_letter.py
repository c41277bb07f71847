"""manage.py correct_dead_letter NAME EVENT --fields JSON --reason TEXT, or --approve, or --withdraw."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections.models import EventCorrection
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Let a projection read other values in some fields of a dead letter. The event stays as it is. With --approve "
        "a correction of somebody else holds, with --withdraw it is removed. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection.")
        parser.add_argument("event", type=UUID, metavar="EVENT", help="The id of the event.")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--fields", metavar="JSON", help="The fields to change, such as '{\"quantity\": 3}'.")
        what.add_argument("--approve", action="store_true", help="Approve the correction that somebody else has made.")
        what.add_argument("--withdraw", action="store_true", help="Remove the correction.")
        parser.add_argument("--reason", default="", help="Why; not needed to approve.")

    def handle(self, *args: Any, name: str, event: UUID, fields: str | None, reason: str, **options: Any) -> None:
        actor = command_line_actor()
        try:
            if fields is not None:
                row = dead_letter_operations.correct(name, event, _decode(fields), actor=actor, reason=reason)
                done = "holds" if row.approved_at else "waits until somebody else approves it"
            elif options["approve"]:
                dead_letter_operations.approve(_find(name, event), actor=actor)
                done = "holds"
            else:
                job = dead_letter_operations.withdraw(_find(name, event), actor=actor, reason=reason)
                done = "withdrawn" + ("; a worker rebuilds the projection without it" if job else "")
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"the correction of {event} in {name}: {done}")


def _decode(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--fields is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise CommandError('--fields takes one JSON object, such as {"quantity": 3}')
    return fields


def _find(name: str, event: UUID) -> EventCorrection:
    row = EventCorrection.objects.filter(projection=name, event_id=event).first()
    if row is None:
        raise CommandError(f"no correction of {event} in {name}")
    return row
