"""Runs the commands that prepare EventShop on the stack, in one process."""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command
from django.core.management.base import CommandError

from deploy.local import PREPARE_COMMANDS, TEST_SYMBOLS


def main() -> int:
    """Run the commands one after another; return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
    django.setup()
    for name, *arguments in (*PREPARE_COMMANDS, TEST_SYMBOLS):
        try:
            call_command(name, *arguments)
        except CommandError as error:
            print(f"manage.py {name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
