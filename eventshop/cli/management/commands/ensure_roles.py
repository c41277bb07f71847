"""manage.py ensure_roles: the ready-made roles of staff as groups."""

from argparse import ArgumentParser
from typing import Any

from eventshop.operations.operator_log import record_action
from eventshop.operations.roles import DESCRIPTIONS, ensure_roles
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Create the groups of the ready-made roles, and give them the permissions that they lack."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="also take away what somebody added to these groups")

    def handle(self, *args: Any, reset: bool, **options: Any) -> None:
        changed = ensure_roles(reset=reset)
        for role, count in changed.items():
            if not count:
                continue
            self.stdout.write(f"{role}: {count} permissions changed. {DESCRIPTIONS[role]}")
        if any(changed.values()):
            result = ", ".join(f"{role}: {count}" for role, count in changed.items())
            record_action(actor=command_line_actor(), action="ensure roles", target="groups", result=result)
