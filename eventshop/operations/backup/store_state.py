"""What a backup notes about the program, the database, the store and Kafka."""

from __future__ import annotations

import sqlite3
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from eventshop import __version__
from eventshop.eventstore.models import StoredEvent, StoredReceipt, StoreEpoch
from eventshop.messaging.models import KnownTopic
from eventshop.operations.backup.manifest import DatabaseState, ProgramState, StoreState, TopicState
from eventshop.sagas.models import Saga

_RUNNING: Final = (Saga.Status.RUNNING, Saga.Status.SUSPENDED)


def read_program_state() -> ProgramState:
    """This program, and the migrations that the database has."""
    applied = MigrationRecorder(connection).applied_migrations()
    return ProgramState(__version__, tuple(sorted(f"{app}.{name}" for app, name in applied)))


def unknown_migrations(program: ProgramState) -> list[str]:
    """The migrations of a backup that this program does not have."""
    loader = MigrationLoader(None)
    known = {f"{app}.{name}" for app, name in loader.disk_migrations}
    known |= {f"{app}.{name}" for migration in loader.disk_migrations.values() for app, name in migration.replaces}
    return [name for name in program.migrations if name not in known]


def read_database_state() -> DatabaseState:
    """The database of the settings."""
    if connection.vendor == "sqlite":
        return DatabaseState("sqlite", sqlite3.sqlite_version)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        [version] = cursor.fetchone()
    return DatabaseState("postgresql", str(version))


def read_store_state(using: str = DEFAULT_DB_ALIAS) -> StoreState:
    """The store as this connection sees it. It has an epoch."""
    epoch = StoreEpoch.objects.using(using).latest("number")
    events = StoredEvent.objects.using(using)
    head = events.order_by("-position").first()
    return StoreState(
        installation_id=epoch.installation_id,
        epoch=epoch.number,
        epoch_id=epoch.epoch_id,
        position=head.position if head else 0,
        head_id=head.event_id if head else None,
        head_hash=bytes(head.hash).hex() if head else "",
        events=events.count(),
        receipts=StoredReceipt.objects.using(using).count(),
        running_sagas=Saga.objects.using(using).filter(status__in=_RUNNING).count(),
    )


def read_topics() -> dict[str, TopicState]:
    """The known topics with the end offset of each partition; none without Kafka. Raises `KafkaUnavailable`."""
    if not settings.KAFKA_OPTIONS:
        return {}
    from eventshop.messaging.kafka import clients

    known = list(KnownTopic.objects.order_by("name"))
    consumer = clients.create_consumer()
    try:
        with clients.translate_errors():
            partitions = [
                partition for topic in known for partition in clients.topic_partitions(topic.name, topic.partitions)
            ]
            ends = consumer.end_offsets(partitions)
    finally:
        consumer.close()
    return {
        topic.name: TopicState(
            topic.topic_id,
            tuple(ends[partition] for partition in clients.topic_partitions(topic.name, topic.partitions)),
        )
        for topic in known
    }
