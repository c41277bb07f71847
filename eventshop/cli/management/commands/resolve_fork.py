"""manage.py resolve_fork: keep the events of the table where it and Kafka have forked, and set Kafka's aside."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import CommandError

from eventshop.cli import kafka_commands
from eventshop.cli.management.commands.acknowledge_records import non_empty_text
from eventshop.cli.progress_bar import show_progress
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.models import ForkedEvent, StoreFork
from eventshop.operations.backup.store_in_use import users_of_the_store
from eventshop.runtime.management_command import ManagementCommand
from eventshop.runtime.private_files import open_private

if TYPE_CHECKING:
    from eventshop.messaging.reconciliation.fork import Fork, Side

#: Streams that are named; all are counted.
MAX_NAMED: Final = 20
#: The leases of a command that was killed expire meanwhile.
_WAIT_S: Final = 5.0


class Command(ManagementCommand):
    help = (
        "Resolve a fork: the events of the table are kept, those that only Kafka has are set aside as a record, and "
        "the topic is made anew. Stop everything that uses the store first. Run it again after an interruption."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="Only compare, and print what would happen.")
        what.add_argument("--list", action="store_true", help="List the events that were set aside.")
        what.add_argument("--export", type=Path, metavar="FILE", help="Write them to a new file, as JSON Lines.")
        parser.add_argument("--operator", type=non_empty_text, help="Who resolves the fork.")
        parser.add_argument("--reason", type=non_empty_text, help="How it came about.")

    def handle(self, *args: Any, dry_run: bool, list: bool, export: Path | None, **options: Any) -> None:
        if list:
            self._list()
        elif export:
            self._export(export)
        else:
            kafka_commands.require_postgres_and_kafka("resolve_fork")
            with kafka_commands.report_errors("Run it again: it continues where it was."):
                self._resolve(options["operator"], options["reason"], dry_run=dry_run)

    def _resolve(self, operator: str | None, reason: str | None, *, dry_run: bool) -> None:
        from eventshop.messaging.kafka import topics
        from eventshop.messaging.reconciliation.fork import find_fork
        from eventshop.operations import fork_resolution

        if record := fork_resolution.find_unfinished():
            self.stdout.write(f"The resolution of a fork is continued: {record}.")
            if dry_run:
                return
            _require_unused()
        else:
            fork = find_fork(topics.event_store_topic())
            for line in describe_fork(fork):
                self.stdout.write(line)
            if dry_run:
                return
            if not (operator and reason):
                raise CommandError("--operator and --reason are needed: they are kept with what is set aside")
            _require_unused()
            record = self._keep_table(fork, operator, reason)
        fork_resolution.replace_topic(record)
        self._republish()
        fork_resolution.finish(record)
        self.stdout.write(f"The fork is resolved: {record.events.count():,} events are set aside (--list, --export).")

    def _keep_table(self, fork: Fork, operator: str, reason: str) -> StoreFork:
        from eventshop.operations import fork_resolution

        with show_progress(self, "setting aside", fork.kafka.events) as report_progress:
            record = fork_resolution.set_aside(fork, operator=operator, reason=reason, report_progress=report_progress)
        for name in fork_resolution.keep_table(record, fork):
            self.stdout.write(f"{name} has read events that are set aside now: workers rebuild it when they start.")
        return record

    def _republish(self) -> None:
        from eventshop.messaging.relay.republish import plan_republish, republish

        plan = plan_republish()
        with show_progress(self, "publishing", plan.to_publish) as report_progress:
            republish(plan, report_progress)
        kafka_commands.verify_topic(self)

    def _list(self) -> None:
        for fork in StoreFork.objects.order_by("pk"):
            self.stdout.write(
                f"{fork}, up to position {fork.topic_position} on Kafka; found {fork.found_at:%Y-%m-%d %H:%M:%S} UTC, "
                f"{'resolved' if fork.resolved_at else 'being resolved'} by {fork.operator}: {fork.reason}"
            )
            for event in fork.events.order_by("position").iterator():
                self.stdout.write(f"  position {event.position}: {event} of command {event.command_id}")

    def _export(self, path: Path) -> None:
        from eventshop.operations.fork_resolution import export_lines

        events = ForkedEvent.objects.order_by("fork", "position")
        try:
            with open(path, "x", opener=open_private) as file:
                file.writelines(export_lines(events.iterator()))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"{events.count():,} events written to {path}.")


def describe_fork(fork: Fork) -> Iterator[str]:
    """What both sides have alone, and what keeping the table means, a line for each aspect."""
    yield f"The table and {fork.topic} are the same up to position {fork.common_position}."
    yield f"Only the table has {_describe(fork.database)}."
    yield f"Only Kafka has {_describe(fork.kafka)}."
    for stream in sorted(fork.shared_streams)[:MAX_NAMED]:
        yield f"Both have continued stream {stream}."
    if len(fork.shared_streams) > MAX_NAMED:
        yield f"So they have {len(fork.shared_streams) - MAX_NAMED:,} more streams."
    first_free = max(fork.table_position, fork.topic_position) + 1
    yield (
        f"Outcome: {fork.kafka.events:,} events are set aside, {fork.database.events:,} get positions from "
        f"{first_free} on, {fork.topic} is made anew, and all {StoredEvent.objects.count():,} events of the table are "
        "published to it."
    )
    yield f"Answers to {len(fork.kafka.commands):,} commands are forgotten: a repeated one is decided anew."


def _describe(side: Side) -> str:
    if not side.events:
        return "nothing"
    return (
        f"{side.events:,} events, at positions {side.first} to {side.last}, in {len(side.streams):,} streams, of "
        f"{len(side.commands):,} commands"
    )


def _require_unused() -> None:
    deadline = monotonic() + _WAIT_S
    while users := users_of_the_store():
        if monotonic() > deadline:
            raise CommandError(f"the store is in use: {'; '.join(users)}. Stop everything that uses it, and try again")
        sleep(0.5)
