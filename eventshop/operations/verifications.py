"""Verifications that run as periodic jobs: chains, snapshots, Kafka and its topics, the rows of one read model a day.

What a run found is its result: a fault makes the job fail, which health, the console and an alert show. Each runs in
one thread of a worker, and leaves stores that are too large for that to the commands.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.conf import settings
from django.db import connection

from eventshop.core.errors import EventShopError
from eventshop.eventstore.hash_chain.parallel_verification import verify_chains
from eventshop.eventstore.snapshots import repository
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence import sealed_rows, signed_roots
from eventshop.projections.historical_queries import dry_run
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import Projection, projection_registry

#: Positions up to which a job verifies: it must end before its lease does, and others use its processor.
MAX_POSITION: Final = 500_000


class VerificationFailed(EventShopError):
    """What is stored differs from what was written, or from what it was computed of."""

    code = "verification-failed"


def verify_all_chains() -> str:
    """Compare the hash chain of every stream, and rows of other tables, with the signed roots."""
    if note := _too_large("verify_chain"):
        return note
    faults: list[Any] = [*signed_roots.find_faults(_roots()), *sealed_rows.find_row_faults(_roots())]
    result = verify_chains(signed_roots.newest_heads(_roots()), processes=1, report_progress=lambda events: None)
    _refuse([fault.description for fault in [*faults, *result.faults]])
    return f"{result.events:,} events of {result.streams:,} streams are as they were written"


def verify_all_snapshots() -> str:
    """Compare every snapshot with a replay of its events."""
    if note := _too_large("verify_snapshots"):
        return note
    checks = list(repository.verify_snapshots())
    wrong = [check for check in checks if isinstance(check, repository.InvalidSnapshot)]
    _refuse([f"{check.snapshot}: {check.reason}" for check in wrong])
    return f"{len(checks):,} snapshots are correct, or never read"


def verify_topic() -> str:
    """Compare the event table with Kafka, event by event. Records of strangers are a part of health of their own."""
    if not settings.KAFKA_OPTIONS or connection.vendor != "postgresql":
        return "there is no Kafka to compare with"
    if note := _too_large("verify_log"):
        return note
    from eventshop.messaging.kafka import topics
    from eventshop.messaging.reconciliation.compare import compare_table_with_topic

    found = compare_table_with_topic(topics.event_store_topic(), processes=1)
    _refuse([found.difference.message] if found.difference else [])
    return f"{found.equal:,} events are the same in the table and on Kafka"


def verify_topic_settings() -> str:
    """Compare every topic with what it should be: replicas, settings, partitions. Kafka itself is a part of health."""
    if not settings.KAFKA_OPTIONS:
        return "there is no Kafka to compare with"
    from eventshop.messaging.kafka import clients, topics

    specs = topics.topic_specs(projection.topic for projection in projection_registry.select([]))
    try:
        differences = topics.find_differences(specs)
    except clients.KafkaUnavailable as error:
        return f"not compared: {error}"
    _refuse([str(difference) for difference in differences])
    return f"{len(specs)} topics are as they should be"


def verify_rows(day: date | None = None) -> str:
    """Compare the rows of one read model with the fold of its events: of another one each day."""
    projections = sorted(projection_registry.select([]), key=lambda one: one.name)
    return verify_read_model(projections[(day or date.today()).toordinal() % len(projections)])


def verify_read_model(projection: Projection[Any]) -> str:
    if note := _too_large(f"dry_run_projection {projection.name}"):
        return note
    if DeadLetter.objects.filter(projection=projection.name).exists():
        return f"{projection.name}: not compared, it has dead letters"
    found = dry_run(projection, one_partition=not settings.KAFKA_OPTIONS)
    if found.has_differences:
        keys = ", ".join(example.key for example in found.examples[:3])
        _refuse(
            [
                f"{projection.name}: {found.added:,} rows are missing, {found.changed:,} differ, {found.removed:,} are "
                f"too many, {found.failed:,} events cannot be folded; {keys}"
            ]
        )
    return f"{projection.name}: {found.rows:,} rows are the fold of {found.events:,} events"


def _roots() -> Any:
    return SignedRoot.objects.order_by("number").iterator(chunk_size=1)


def _too_large(command: str) -> str:
    newest = newest_position()
    return f"not verified: {newest:,} events are too many for a job; run {command}" if newest > MAX_POSITION else ""


def _refuse(faults: list[str]) -> None:
    if faults:
        raise VerificationFailed(f"{len(faults):,} faults; the first: {faults[0]}", faults=len(faults))
