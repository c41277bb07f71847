"""The base of EventShop's management commands."""

from __future__ import annotations

from django.core.management.base import BaseCommand

#: The tag of system checks that each command makes, as they are about its surroundings and not about the program.
EVERY_START = "every_start"


class ManagementCommand(BaseCommand):
    """A command that starts without the checks of the program, for which every page is imported.

    `manage.py check` makes them, and so do `runserver` and `test`.
    """

    requires_system_checks = [EVERY_START]
