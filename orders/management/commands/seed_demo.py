"""manage.py seed_demo: fill an empty event store with two months of demo orders."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.tail_reader import newest_position
from eventshop.runtime.management_command import ManagementCommand
from eventshop.web.pages.demo_registry import commands as others
from eventshop.web.pages.demo_registry import fault_commands
from orders.demo.catalogue import store_catalogue
from orders.demo.orders import demo_commands


class Command(ManagementCommand):
    help = "Fill an empty store with demo orders, through commands. Does nothing when there are events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--with-faults",
            action="store_true",
            help="Add people, and faults for the console to show: dead letters, failing payments. Health is degraded.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if newest_position():
            self.stdout.write("The event store is not empty; no demo data was written.")
            return
        started = monotonic()
        store_catalogue()
        try:
            # One transaction: the store holds either none or all of the demo data.
            now = datetime.now(UTC)
            faults = fault_commands(now) if options["with_faults"] else []
            outcomes = send_many([*demo_commands(now), *others(now), *faults])
        except EventShopError as error:
            raise CommandError(f"The demo data could not be stored: {error}") from error
        refused = [answer for answer in outcomes if not isinstance(answer, Receipt)]
        if refused:
            raise CommandError(f"{len(refused)} commands of the demo data were refused, first: {refused[0]}")
        events = sum(answer.events for answer in outcomes if isinstance(answer, Receipt))
        self.stdout.write(f"Demo data: {len(outcomes):,} commands, {events:,} events, {monotonic() - started:.1f} s.")
