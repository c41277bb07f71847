"""manage.py restore_events_from_kafka: restore the event table and the receipts from Kafka into an empty database."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli import kafka_commands
from eventshop.cli.progress_bar import show_progress
from eventshop.runtime.management_command import ManagementCommand
from eventshop.sagas import muting


class Command(ManagementCommand):
    help = "Restore events and receipts from Kafka into an empty database. Run it again after an interruption."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Check the records on Kafka and write nothing.")
        parser.add_argument("--verify", action="store_true", help="Compare table and topic afterwards (verify_log).")
        parser.add_argument(
            "--past-holes",
            action="store_true",
            help="If an event of a stream is missing on Kafka, skip the rest of that stream and continue.",
        )

        kafka_commands.add_processes_argument(parser)

    def handle(
        self,
        *args: Any,
        dry_run: bool,
        verify: bool,
        past_holes: bool,
        processes: int | None = None,
        **options: Any,
    ) -> None:
        kafka_commands.check_processes(processes)
        kafka_commands.require_postgres_and_kafka("restore_events_from_kafka")
        from eventshop.messaging.kafka import topics
        from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
        from eventshop.messaging.reconciliation.restore import EventTableRestore

        with kafka_commands.report_errors("Run it again: it continues after the last page."):
            started, name = monotonic(), topics.event_store_topic()
            topics.require_topic(name)
            with OrderedTopicReader(name, processes=processes) as topic:
                restore = EventTableRestore(topic, dry_run=dry_run, past_holes=past_holes)
                with (
                    show_progress(self, "checking" if dry_run else "restoring", topic.position) as report_progress,
                    nullcontext() if dry_run or restore.table_end >= topic.position else _muted_sagas(restore),
                ):
                    result = restore.run(report_progress)
            for line in result.examples:
                self.stdout.write(line)
            self.stdout.write(
                f"{result.new:,} events and {result.receipts:,} receipts {'to restore' if dry_run else 'restored'}, "
                f"{result.existing:,} events already existed; "
                f"{result.missing:,} are missing on Kafka, {result.skipped:,} skipped after them; "
                f"{result.repeats:,} repeats, {result.tombstones:,} tombstones, {result.foreign:,} foreign records; "
                f"{monotonic() - started:.1f} s."
            )
            if result.missing and not past_holes:
                raise CommandError(f"{result.missing:,} events are not on Kafka: erased, or lost.")
            if verify and not dry_run:
                kafka_commands.verify_topic(self, processes=processes)


def _muted_sagas(restore: Any) -> AbstractContextManager[None]:
    """What is restored is a past for the sagas: they go live when all of it is there."""
    return muting.muted_restore(
        restore.topic.position,
        reason=f"events restored from {restore.topic.topic}",
        actor="restore_events_from_kafka",
        has_written=lambda: bool(restore.result.new),
    )
