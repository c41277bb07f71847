"""manage.py control_saga VERB ID|--group KEY: retry, compensate or resolve sagas, or list what is held up."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import EventShopError
from eventshop.operations import saga_operations
from eventshop.operations.saga_operations import VERBS
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand
from eventshop.sagas.step_failures import find_group, group_failures


class Command(ManagementCommand):
    help = (
        "Retry (now), compensate or resolve a saga, or all of a group with one cause. `list` prints the groups with "
        "their keys. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["list", *VERBS], metavar="VERB", help=", ".join(["list", *VERBS]))
        parser.add_argument("saga", nargs="?", type=UUID, metavar="ID", help="The id of the saga.")
        parser.add_argument("--group", metavar="KEY", help="All sagas of this group, as `list` prints it.")
        parser.add_argument("--reason", default="", help="Why; the timeline and the operator log show it.")

    def handle(self, *args: Any, verb: str, saga: UUID | None, group: str | None, reason: str, **options: Any) -> None:
        if verb == "list":
            return self._list()
        if (saga is None) == (group is None):
            raise CommandError("name one saga by its id, or a group with --group")
        actor = command_line_actor()
        try:
            if saga is not None:
                saga_operations.act(saga, verb, actor=actor, reason=reason)
                return self.stdout.write(f"{verb} {saga}: a worker processes it in a moment")
            found = find_group(str(group))
            if found is None:
                raise CommandError("no saga is held up by this cause; `control_saga list` prints the groups")
            self.stdout.write(f"{verb}: {saga_operations.act_on_group(found, verb, actor=actor, reason=reason)}")
        except EventShopError as error:
            raise CommandError(str(error)) from error

    def _list(self) -> None:
        table = Table("group", "sagas", "since")
        for group in group_failures():
            table.add_row(group.key, f"{len(group.sagas):,}", f"{group.since:%Y-%m-%d %H:%M}")
        create_console(self).print(table)
