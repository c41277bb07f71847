"""manage.py verify_snapshots: compare every snapshot with a full replay of its events."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.kafka_commands import has_postgres_and_kafka, report_errors
from eventshop.eventstore.snapshots import repository
from eventshop.runtime.management_command import ManagementCommand


def describe_result(correct: int, ignored: int, removed: int) -> str:
    """A sentence about the snapshots; having verified nothing is not the same as having found no fault."""
    left_out = f" {ignored:,} are never read: of another snapshot version, or of erased persons." if ignored else ""
    if not (correct or removed):
        return f"There is no snapshot to verify.{left_out}"
    return f"{correct:,} snapshots are correct.{left_out}"


class Command(ManagementCommand):
    help = (
        "Compare each snapshot with a full replay, and with its topic if there is one. Exits 1 if one differs, else 0; "
        "with --remove, the wrong ones are removed."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--remove",
            action="store_true",
            help="Remove the snapshots that differ. No data is lost: snapshots are a cache.",
        )

    def handle(self, *args: Any, remove: bool, **options: Any) -> None:
        with report_errors("Nothing was changed."):
            results = list(repository.verify_snapshots())
        wrong = [result for result in results if isinstance(result, repository.InvalidSnapshot)]
        ignored = sum(isinstance(result, repository.IgnoredSnapshot) for result in results)
        for result in wrong:
            self.stdout.write(f"{result.snapshot}: {result.reason}")
        if remove:
            repository.delete_snapshots([result.snapshot.pk for result in wrong])
        elif wrong:
            raise CommandError(f"{len(wrong):,} of {len(results):,} snapshots are wrong.")
        self.stdout.write(describe_result(len(results) - len(wrong) - ignored, ignored, len(wrong)))
        if has_postgres_and_kafka():
            self._verify_topic()

    def _verify_topic(self) -> None:
        from eventshop.messaging.kafka import snapshot_topic

        with report_errors("Nothing was changed."):
            comparison = snapshot_topic.compare_snapshots()
        for line in comparison.differences:
            self.stdout.write(line)
        self.stdout.write(
            f"On the topic: {comparison.equal:,} the same, {comparison.unpublished:,} not published yet, "
            f"{comparison.only_on_topic:,} that the table does not have."
        )
        if comparison.differences:
            raise CommandError(f"{len(comparison.differences):,} records on the topic are wrong.")
