"""Sagas that are lost, or put back to an older state, while the events stay."""

from __future__ import annotations

from typing import Final, TypeAlias

from django.db import models, transaction

from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaLivePoint, SagaStep, Timer

TABLES: Final[tuple[type[models.Model], ...]] = (Saga, InboxMessage, SagaStep, Timer, PartitionLease, SagaLivePoint)
SagaBackup: TypeAlias = dict[type[models.Model], list[models.Model]]


def lose_sagas() -> None:
    """Empty the tables of the sagas."""
    with transaction.atomic():
        for table in TABLES:
            table._default_manager.all().delete()


def back_up_sagas() -> SagaBackup:
    """Copy the tables of the sagas."""
    return {table: list(table._default_manager.order_by("pk")) for table in TABLES}


def put_back_sagas(backup: SagaBackup) -> None:
    """Replace the tables of the sagas by a copy."""
    with transaction.atomic():
        lose_sagas()
        for table, rows in backup.items():
            table._default_manager.bulk_create(rows)
