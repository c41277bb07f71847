"""`manage.py trace ID`: one story as a tree, by any id of it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.admin_console.trace.lookup import UnknownId, stories_of
from eventshop.admin_console.trace.render import as_text
from eventshop.admin_console.trace.tree import MOST, tree_of


class Command(BaseCommand):
    help = "Shows what belongs together as a tree: request, commands, events, sagas, effects and rows, with times."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "id",
            help="a request, trace, correlation, event, command, saga, step, payment or aggregate id; "
            "a position; an order's number",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tree = tree_of(stories_of(options["id"]))
        except UnknownId as unknown:
            raise CommandError(str(unknown)) from None
        for line in as_text(tree.roots, options["id"]):
            self.stdout.write(line)
        if tree.cut:
            self.stderr.write(f"Only the first {MOST} events are shown.")
