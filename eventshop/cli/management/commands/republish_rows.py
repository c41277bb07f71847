"""manage.py republish_rows NAME [--from KEY] [--to KEY] [--dry-run]: publish rows of a read model once more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations.staff_actors import command_line_actor
from eventshop.operations.topic_operations import republish
from eventshop.projections.projection import projection_registry
from eventshop.projections.republish_rows import count_rows
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Publish rows of a read model once more on its topic, all or a range of keys. The operator log records it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection.")
        parser.add_argument("--from", dest="first", default="", metavar="KEY", help="The first key.")
        parser.add_argument("--to", dest="last", default="", metavar="KEY", help="The last key.")
        parser.add_argument("--dry-run", action="store_true", help="Only print how many rows that are.")
        parser.add_argument("--reason", default="", help="Why; needed without --dry-run.")

    def handle(self, *args: Any, name: str, first: str, last: str, dry_run: bool, reason: str, **options: Any) -> None:
        try:
            if dry_run:
                self.stdout.write(f"{count_rows(projection_registry.get(name), first, last):,} rows of {name}")
                return
            number = republish(name, first, last, actor=command_line_actor(), reason=reason)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{number:,} rows of {name} are in the outbox; the publisher sends them.")
