"""manage.py verify_snapshots: is every snapshot what a full replay of its events gives?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.cli.kafka_commands import has_both, said_clearly
from eventshop.eventstore.snapshots import repository


class Command(BaseCommand):
    help = (
        "Compare each snapshot with a full replay, and with its topic where there is one; fail if one differs. With "
        "--remove those are removed: no loss."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--remove", action="store_true", help="Remove those that differ.")

    def handle(self, *args: Any, remove: bool, **options: Any) -> None:
        with said_clearly("Nothing was changed."):
            found = list(repository.verify())
        wrong = [it for it in found if it]
        for it in wrong:
            self.stdout.write(f"{it.snapshot}: {it.why}")
        if remove:
            repository.remove([it.snapshot.pk for it in wrong])
        elif wrong:
            raise CommandError(f"{len(wrong):,} of {len(found):,} snapshots are wrong.")
        self.stdout.write(f"{len(found) - len(wrong):,} snapshots are what their events make.")
        if has_both():
            self._topic()

    def _topic(self) -> None:
        from eventshop.messaging.kafka import snapshot_topic

        with said_clearly("Nothing was changed."):
            there = snapshot_topic.compare()
        for line in there.wrong:
            self.stdout.write(line)
        self.stdout.write(
            f"On the topic: {there.equal:,} the same, {there.waiting:,} not published yet, {there.only_there:,} that "
            "the table does not have."
        )
        if there.wrong:
            raise CommandError(f"{len(there.wrong):,} records on the topic are wrong.")
