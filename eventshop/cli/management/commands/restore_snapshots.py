"""manage.py restore_snapshots: restore the snapshot table from Kafka, so that long streams need no full replay."""

from __future__ import annotations

from typing import Any

from eventshop.cli import kafka_commands
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Restore from the topic the snapshots that match an event of this store. It can be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        kafka_commands.require_postgres_and_kafka("restore_snapshots")
        from eventshop.messaging.kafka import snapshot_topic

        with kafka_commands.report_errors("Run it again: it continues with the missing snapshots."):
            result = snapshot_topic.restore_snapshots()
        self.stdout.write(
            f"{result.restored:,} snapshots restored, "
            f"{result.skipped:,} skipped (superseded, removed or from another store), "
            f"{result.foreign:,} foreign records."
        )
