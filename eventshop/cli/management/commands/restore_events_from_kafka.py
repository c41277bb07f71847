"""manage.py restore_events_from_kafka: the event table and the receipts, out of Kafka, into an empty database."""

from __future__ import annotations

from argparse import ArgumentParser
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.cli import kafka_commands
from eventshop.cli.progress_bar import progress


class Command(BaseCommand):
    help = "Restore events and receipts from Kafka into an empty database. Interrupted, it goes on where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Check everything on Kafka, write nothing.")
        parser.add_argument("--verify", action="store_true", help="Compare table and topic afterwards (verify_log).")
        parser.add_argument(
            "--past-holes",
            action="store_true",
            help="Where a stream lacks an event on Kafka, leave the rest of that stream out and go on.",
        )

    def handle(self, *args: Any, dry_run: bool, verify: bool, past_holes: bool, **options: Any) -> None:
        kafka_commands.needs_both("restore_events_from_kafka")
        from eventshop.messaging.kafka import topics
        from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopic
        from eventshop.messaging.reconciliation.restore import Restore

        with kafka_commands.said_clearly("Run it again: it goes on behind the last page."):
            started, name = monotonic(), topics.event_store()
            topics.checked(name)
            with OrderedTopic(name) as topic:
                restore = Restore(topic, dry_run=dry_run, past_holes=past_holes)
                with progress(self, "checking" if dry_run else "restoring", topic.position) as told:
                    found = restore.run(told)
            for line in found.named:
                self.stdout.write(line)
            self.stdout.write(
                f"{found.new:,} events and {found.receipts:,} receipts {'to restore' if dry_run else 'restored'}, "
                f"{found.there:,} events were there; "
                f"{found.missing:,} are missing on Kafka, {found.left_out:,} left out behind them; "
                f"{found.repeats:,} repeats, {found.tombstones:,} tombstones, {found.foreign:,} foreign records; "
                f"{monotonic() - started:.1f} s."
            )
            if found.missing and not past_holes:
                raise CommandError(f"{found.missing:,} events are not on Kafka: erased, or lost.")
            if verify and not dry_run:
                kafka_commands.verify(self)
