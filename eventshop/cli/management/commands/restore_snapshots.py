"""manage.py restore_snapshots: the table of snapshots, out of Kafka, so that nothing long has to be folded again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.cli import kafka_commands


class Command(BaseCommand):
    help = "Restore snapshots from their topic, those that stand on an event of this store. Run again, it does no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        kafka_commands.require_postgres_and_kafka("restore_snapshots")
        from eventshop.messaging.kafka import snapshot_topic

        with kafka_commands.report_errors("Run it again: it goes on with what is missing."):
            result = snapshot_topic.restore_snapshots()
        self.stdout.write(
            f"{result.restored:,} snapshots restored, {result.skipped:,} left (superseded, removed, or of another store), "
            f"{result.foreign:,} foreign records."
        )
