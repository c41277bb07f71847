"""manage.py skip_dead_letter NAME EVENT --reason TEXT, or --restore: let a projection go on without an event."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from eventshop.core.errors import EventShopError
from eventshop.operations.operator_log import record_action
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections import skipped_events


class Command(BaseCommand):
    help = (
        "Skip a dead letter: the projection goes on without this event, and so does each later rebuild. With --restore "
        "a skipped event is folded again by a rebuild, which this requests. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection.")
        parser.add_argument("event", type=UUID, metavar="EVENT", help="The id of the event.")
        parser.add_argument("--restore", action="store_true", help="Fold a skipped event again.")
        parser.add_argument("--reason", required=True, help="Why; the console shows it.")

    def handle(self, *args: Any, name: str, event: UUID, restore: bool, reason: str, **options: Any) -> None:
        actor = command_line_actor()
        action = "restore skipped event" if restore else "skip dead letter"
        try:
            with transaction.atomic():
                if restore:
                    skipped_events.restore(name, event, reason=reason, actor=actor)
                else:
                    skipped_events.skip(name, event, reason=reason, actor=actor)
                record_action(actor=actor, action=action, target=f"{event} in {name}", reason=reason)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        done = "a worker rebuilds the projection with it" if restore else "skipped; what waited behind it is retried"
        self.stdout.write(f"{event} in {name}: {done}")
