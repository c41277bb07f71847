"""manage.py restore_snapshots: the table of snapshots, out of Kafka, so that nothing long has to be folded again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.cli import kafka_commands


class Command(BaseCommand):
    help = "Restore snapshots from their topic, those that stand on an event of this store. Run again, it does no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        kafka_commands.needs_both("restore_snapshots")
        from eventshop.messaging.kafka import snapshot_topic

        with kafka_commands.said_clearly("Run it again: it goes on with what is missing."):
            found = snapshot_topic.restore()
        self.stdout.write(
            f"{found.restored:,} snapshots restored, {found.left:,} left (superseded, removed, or of another store), "
            f"{found.foreign:,} foreign records."
        )
