"""Shared parts of the commands that read the whole topic or the whole table."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from eventshop.cli.progress_bar import show_progress
from eventshop.core.errors import EventShopError


def has_postgres_and_kafka() -> bool:
    """Whether the settings name PostgreSQL and Kafka."""
    return bool(settings.KAFKA_OPTIONS) and connection.vendor == "postgresql"


def require_postgres_and_kafka(command: str) -> None:
    """Raise `CommandError` unless the settings name PostgreSQL and Kafka."""
    if not has_postgres_and_kafka():
        raise CommandError(f"{command} needs PostgreSQL (DATABASE_URL) and Kafka (EVENT_LOG_URL=kafka://...)")


@contextmanager
def report_errors(interrupt_note: str) -> Iterator[None]:
    """Turn errors and Ctrl-C into a `CommandError` of one line. `interrupt_note` is the advice printed after Ctrl-C."""
    try:
        yield
    except (EventShopError, DatabaseError) as error:
        raise CommandError(str(error).strip()) from error
    except KeyboardInterrupt:
        raise CommandError(f"Stopped. {interrupt_note}", returncode=130) from None


def add_processes_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--processes", type=int, help="Number of processes (default: by the number of processors).")


def check_processes(processes: int | None) -> None:
    """Raise `CommandError` for a number of processes that is not one."""
    if processes is not None and processes < 1:
        raise CommandError(f"--processes must be at least 1, not {processes}")


def verify_topic(command: BaseCommand, *, after: int = 0, processes: int | None = None) -> None:
    """Compare the event table with the topic, after a position, and print the result.

    Raises `CommandError` if they differ, and when it is interrupted.
    """
    from eventshop.messaging.kafka import topics
    from eventshop.messaging.reconciliation.acknowledgements import Acknowledgements
    from eventshop.messaging.reconciliation.compare import Comparison
    from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader

    topic, started = topics.event_store_topic(), monotonic()
    acknowledgements = Acknowledgements(topics.require_topic(topic).topic_id)
    with OrderedTopicReader(topic, after=after, processes=processes) as ordered:
        comparison = Comparison(ordered, acknowledgements)
        with show_progress(command, "verifying", comparison.total) as report_progress:
            try:
                verdict = comparison.run(report_progress)
            except KeyboardInterrupt:
                reached = comparison.equal_up_to
                raise CommandError(
                    f"Stopped: equal up to position {reached}. verify_log --after {reached} goes on from there.",
                    returncode=130,
                ) from None
    for line in verdict.examples + verdict.foreign_examples:
        command.stdout.write(line)
    remarks = [
        f"{verdict.unpublished:,} not yet relayed",
        f"{verdict.tombstones:,} tombstones",
        f"{verdict.foreign:,} foreign records",
    ]
    if verdict.acknowledged:
        remarks.append(f"{verdict.acknowledged:,} acknowledged foreign records")
    if verdict.vanished:
        remarks.append(f"{verdict.vanished:,} events that neither side has any more")
    if verdict.without_receipt:
        remarks.append(f"{verdict.without_receipt:,} commands whose receipt is not on Kafka")
    command.stdout.write(
        f"{verdict.equal:,} events are the same up to position {verdict.position}; {', '.join(remarks)}; "
        f"{monotonic() - started:.1f} s."
    )
    if verdict.difference:
        raise CommandError(f"The table and {topic} differ: {verdict.difference.message}.")
    if verdict.foreign:
        raise CommandError(
            f"{topic} contains foreign records, listed above. Find out who wrote them; then acknowledge_records "
            "PARTITION@OFFSET accepts those that may stay."
        )
    command.stdout.write(f"The table and {topic} agree.")
