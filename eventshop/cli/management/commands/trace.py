"""manage.py trace ID: the trace of a correlation as a tree, by any id of it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.admin_console.trace.lookup import UnknownId, find_correlations
from eventshop.admin_console.trace.render import render_text
from eventshop.admin_console.trace.tree import MAX_EVENTS, build_tree
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord


class Command(LoggedCommand):
    access = AccessRecord.Kind.TRACE
    help = "Show a trace as a tree with times: request, commands, events, sagas, effects and read model rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "id",
            help="a request, trace, correlation, event, command, saga, step, payment or aggregate id; "
            "a position; an order number",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tree = build_tree(find_correlations(options["id"]))
        except UnknownId as error:
            raise CommandError(str(error)) from None
        for line in render_text(tree.roots, options["id"]):
            self.stdout.write(line)
        if tree.more_after:
            self.stderr.write(f"Only the first {MAX_EVENTS} events are shown.")
