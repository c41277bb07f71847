"""manage.py republish_events: publish every event again into an empty topic."""

from __future__ import annotations

from argparse import ArgumentParser
from time import monotonic
from typing import Any

from eventshop.cli import kafka_commands
from eventshop.cli.progress_bar import show_progress
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Publish every event of the table into an empty topic. After an interruption, run it again to continue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only print what would be published.")
        parser.add_argument("--verify", action="store_true", help="Compare table and topic afterwards (verify_log).")

    def handle(self, *args: Any, dry_run: bool, verify: bool, **options: Any) -> None:
        kafka_commands.require_postgres_and_kafka("republish_events")
        from eventshop.messaging.relay.republish import plan_republish, republish

        with kafka_commands.report_errors("Run it again: it continues after the last published event."):
            plan = plan_republish()
            if plan.already_published:
                self.stdout.write(
                    f"{plan.already_published:,} events are already on the topic and equal the table; "
                    "publishing continues after them."
                )
            self.stdout.write(
                f"{plan.to_publish:,} events to publish, up to position {plan.head}: about "
                f"{plan.bytes / 1_000_000:,.1f} MB before compression."
            )
            if dry_run:
                return
            started = monotonic()
            with show_progress(self, "publishing", plan.to_publish) as report_progress:
                published = republish(plan, report_progress)
            self.stdout.write(f"{published:,} events published in {monotonic() - started:.1f} s.")
            if verify:
                kafka_commands.verify_topic(self)
