"""Personal data in rows: no person can be erased between reading an event and writing its rows.

A batch may decrypt its events with keys that were cached seconds ago. Before it writes, it holds off every erasure
until it has committed, and reads the events of persons who are already erased again. So a slow worker writes either
before the erasure, which then empties those rows, or it writes redacted values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.personal_fields import Redacted
from eventshop.messaging.event_log import UnreadableDelivery
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections import outbox
from eventshop.projections.fold import PlannedEvent, plan_events
from eventshop.projections.projection import Projection, ProjectionRegistry
from eventshop.projections.read_model_table import ReadModelTable
from eventshop.projections.targets import live_target, rebuild_target

P = TypeVar("P", PlannedEvent, PlannedEvent | UnreadableDelivery)

#: The part of PostgreSQL's error messages that shows the row.
_DETAIL: Final = re.compile(r"DETAIL: .*")


def personal_text(value: str | Redacted) -> str:
    """A personal value as a row stores it: an empty text once it is erased. `erase_subject` leaves the same."""
    return "" if isinstance(value, Redacted) else value


def keys_transaction() -> AbstractContextManager[Any]:
    """A transaction in the keys' own database, if there is one: the lock on erasures lasts as long as the batch."""
    alias = keys_database()
    return nullcontext() if alias == DEFAULT_DB_ALIAS else transaction.atomic(using=alias)


def hold_off_erasures(
    projection: Projection[Any], planned: Sequence[P], registry: MessageRegistry = default_registry
) -> list[P]:
    """Hold off erasures until this transaction ends; returns the events, those of erased persons read again."""
    subjects = {subject for item in planned for subject in _subjects_of(item)}
    if not subjects:
        return list(planned)
    erasure_locks.block_all_erasures()
    erased = personal_keys.erased_among(subjects)
    for subject in erased:
        personal_keys.key_cache.forget(subject)
    return [_read_again(projection, item, registry) if erased & _subjects_of(item) else item for item in planned]


def mask_personal_data(text: str, planned: PlannedEvent | None) -> str:
    """An error text without the personal data of the event that led to it."""
    words = planned.decrypted.words if planned and planned.decrypted else ()
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "[personal]")
    return _DETAIL.sub("DETAIL: [left out]", text)


def erase_subject(subject: Any, projections: ProjectionRegistry) -> int:
    """Empty the personal columns of every row about a person, or delete the row; returns how many rows changed.

    The rows of a rebuild come before the live ones: rows that are swapped in meanwhile are empty already.
    """
    by_model = {projection.model: projection for projection in projections.select([]) if projection.model.personal}
    existing = set(connection.introspection.table_names())
    count = 0
    for model in sorted(by_model, key=lambda model: model.__name__):
        erase = _delete_rows if model.deleted_when_erased else _empty_columns
        tables = [target(by_model[model]).table for target in (rebuild_target, live_target)]
        count += sum(erase(table, subject) for table in tables if table.name in existing)
    return count


def _subjects_of(planned: PlannedEvent | UnreadableDelivery) -> frozenset[UUID]:
    return planned.decrypted.subjects if isinstance(planned, PlannedEvent) and planned.decrypted else frozenset()


def _read_again(projection: Projection[Any], planned: Any, registry: MessageRegistry) -> Any:
    [again] = plan_events(projection, [planned.decrypted.source], registry)
    return again


def _empty_columns(table: ReadModelTable[Any], subject: Any) -> int:
    changes = ", ".join(f"\"{name}\" = ''" for name in table.model.personal)
    not_empty = " OR ".join(f"\"{name}\" <> ''" for name in table.model.personal)
    return _execute(f'UPDATE "{table.name}" SET {changes} WHERE ({_is_about(table)}) AND ({not_empty})', table, subject)


def _delete_rows(table: ReadModelTable[Any], subject: Any) -> int:
    delete = f'DELETE FROM "{table.name}" WHERE {_is_about(table)}'
    count = _execute(table.with_publishing(delete, deleted=True), table, subject)
    outbox.wake_publisher()
    return count


def _is_about(table: ReadModelTable[Any]) -> str:
    return " OR ".join(f'"{name}" = %s' for name in table.model.subjects)


def _execute(statement: str, table: ReadModelTable[Any], subject: Any) -> int:
    parameter = subject if connection.vendor == "postgresql" else subject.hex
    with connection.cursor() as cursor:
        cursor.execute(statement, [parameter] * len(table.model.subjects))
        return int(cursor.rowcount)
