"""manage.py pause_projections NAME... --reason TEXT, or --resume: let projections stand still, and go on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations.projection_operations import set_paused
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections.projection import projection_registry
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Pause projections: their workers leave them alone within seconds, their rows stay, and events wait. With "
        "--resume they go on. The operator log records it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="The projections; `all` for all of them.")
        parser.add_argument("--resume", action="store_true", help="Let them go on.")
        parser.add_argument("--reason", default="", help="Why; needed to pause.")

    def handle(self, *args: Any, names: list[str], resume: bool, reason: str, **options: Any) -> None:
        if not resume and not reason.strip():
            raise CommandError("--reason is needed: the operator log shows why a projection stands still")
        try:
            selected = projection_registry.select([] if names == ["all"] else names)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        for projection in selected:
            changed = set_paused(projection.name, paused=not resume, actor=command_line_actor(), reason=reason)
            done = "goes on" if resume else "paused"
            self.stdout.write(f"{projection.name}: {done if changed else 'it was so already, or has never run'}")
