"""manage.py erase_categories PERSON CATEGORY...: erases a part of a person's data."""

from __future__ import annotations

from typing import Any, get_args
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.runtime.management_command import ManagementCommand
from users.domain.commands import EraseData
from users.domain.events import Category


class Command(ManagementCommand):
    help = (
        "Erase categories of a person's data; the person stays a customer. A worker does it in a moment. For "
        "everything, the person asks for an erasure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", type=UUID, help="The id of the person.")
        parser.add_argument(
            "category", nargs="+", choices=[name for name in get_args(Category) if name != "everything"]
        )
        parser.add_argument("--operator", required=True, help="Your name, as the actor of the event.")

    def handle(self, *args: Any, **options: Any) -> None:
        command = EraseData(options["person"], categories=tuple(dict.fromkeys(options["category"])))
        try:
            receipt = send(command, envelope=Envelope(new_id(), actor=options["operator"]))
        except EventShopError as error:
            raise CommandError(f"{options['person']}: {error}") from error
        self.stdout.write(
            f"{options['person']}: {', '.join(command.categories)} to be erased (event {receipt.version})"
        )
