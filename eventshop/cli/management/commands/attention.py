"""manage.py attention: what is wrong or late, worst first; acknowledge, snooze or assign an item."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import EventShopError
from eventshop.operations.attention import actions, watch
from eventshop.operations.attention.guides import DEFAULT, GUIDES
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.staff_actors import command_line_actor, staff_name
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "List what needs attention, worst first; or acknowledge, snooze or assign one item."

    def add_arguments(self, parser: ArgumentParser) -> None:
        act = parser.add_mutually_exclusive_group()
        act.add_argument("--acknowledge", type=int, metavar="NUMBER", help="Say that you know of this item.")
        act.add_argument("--snooze", type=int, metavar="NUMBER", help="Hide this item for --minutes.")
        act.add_argument("--assign", type=int, metavar="NUMBER", help="Say who looks after this item, with --to.")
        parser.add_argument("--to", default="", metavar="NAME", help="The user name of the member of staff.")
        parser.add_argument("--minutes", type=int, default=60)
        parser.add_argument("--note", default="", help="The item and the operator log show it.")

    def handle(self, *args: Any, **options: Any) -> None:
        actor, note = command_line_actor(), options["note"]
        try:
            if options["acknowledge"] is not None:
                item = actions.acknowledge(options["acknowledge"], actor=actor, note=note)
                self.stdout.write(f"Acknowledged: {item.title}")
            elif options["snooze"] is not None:
                duration = timedelta(minutes=options["minutes"])
                item = actions.snooze(options["snooze"], duration, actor=actor, note=note)
                self.stdout.write(f"Snoozed for {options['minutes']} minutes: {item.title}")
            elif options["assign"] is not None:
                item = actions.assign_to_name(options["assign"], options["to"], actor=actor, note=note)
                self.stdout.write(f"Assigned to {options['to']}: {item.title}")
            else:
                watch.compare()
                self._print(list(watch.open_items()))
        except (EventShopError, OverflowError) as error:
            raise CommandError(str(error)) from error

    def _print(self, items: list[AttentionItem]) -> None:
        if not items:
            self.stdout.write("Nothing is wrong or late.")
            return
        table = Table()
        table.add_column("number", justify="right", no_wrap=True)
        for heading in ("severity", "what", "since", "what helps", "runbook", "who"):
            table.add_column(heading)
        for item in items:
            step = GUIDES.get(item.part, DEFAULT).step
            table.add_row(
                str(item.pk),
                item.get_severity_display(),
                item.title,
                f"{item.since:%Y-%m-%d %H:%M:%S}",
                f"{step}: manage.py {item.command}" if item.command else step,
                item.runbook,
                _handled_by(item),
            )
        create_console(self).print(table)


def _handled_by(item: AttentionItem) -> str:
    texts = [f"assigned to {staff_name(item.assigned_to)}"] if item.assigned_to else []
    texts += [f"acknowledged by {staff_name(item.acknowledged_by)}"] if item.acknowledged_at else []
    return ", ".join(texts + ([f"snoozed until {item.snoozed_until:%H:%M}"] if item.snoozed_until else []))
