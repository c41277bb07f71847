"""Personal data in rows: no person can be erased between reading an event and writing its rows.

A batch may decrypt its events with keys that were cached seconds ago. Before it writes, it holds off every erasure
until it has committed, and reads the events of persons who are already erased again. So a slow worker writes either
before the erasure, which then empties those rows, or it writes redacted values.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
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
from eventshop.projections.targets import kept_table, live_target, rebuild_target

P = TypeVar("P", PlannedEvent, PlannedEvent | UnreadableDelivery)

_SUBJECTS_PER_STATEMENT: Final = 400
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


def erase_subject(subject: UUID, projections: ProjectionRegistry) -> int:
    """As `erase_subjects`, for one person or stream."""
    return erase_subjects([subject], projections)


def erase_subjects(
    subjects: Collection[UUID],
    projections: ProjectionRegistry,
    purposes: Collection[str] | None = None,
    columns: Collection[str] | None = None,
) -> int:
    """Empty the personal columns of every row about these subjects, or delete the row; returns how many rows changed.

    With `purposes`, only the columns that are kept for them; with `columns`, only those. The rows that are kept for an
    undo and those of a rebuild come before the live ones: rows that are swapped in meanwhile are empty already.
    """
    by_model = {projection.model: projection for projection in projections.select([]) if projection.model.erasable()}
    existing = set(connection.introspection.table_names())
    count = 0
    for model in sorted(by_model, key=lambda model: model.__name__):
        chosen = [
            name
            for name, purpose in model.erasable().items()
            if (purposes is None or purpose in purposes) and (columns is None or name in columns)
        ]
        projection = by_model[model]
        tables = [kept_table(projection), rebuild_target(projection).table, live_target(projection).table]
        for table in (table for table in tables if chosen and table.name in existing):
            count += _delete_rows(table, subjects) if model.deleted_when_erased else _empty(table, chosen, subjects)
    return count


def _subjects_of(planned: PlannedEvent | UnreadableDelivery) -> frozenset[UUID]:
    return planned.decrypted.subjects if isinstance(planned, PlannedEvent) and planned.decrypted else frozenset()


def _read_again(projection: Projection[Any], planned: Any, registry: MessageRegistry) -> Any:
    decrypted = planned.decrypted
    corrections = {planned.meta.event_id: decrypted.correction} if decrypted.correction is not None else {}
    [again] = plan_events(projection, [decrypted.source], registry, corrections)
    return again


def _empty(table: ReadModelTable[Any], columns: Sequence[str], subjects: Collection[UUID]) -> int:
    changes = ", ".join(f"\"{name}\" = ''" for name in columns)
    not_empty = " OR ".join(f"\"{name}\" <> ''" for name in columns)
    return _execute(f'UPDATE "{table.name}" SET {changes} WHERE ({not_empty}) AND ({{subjects}})', table, subjects)


def _delete_rows(table: ReadModelTable[Any], subjects: Collection[UUID]) -> int:
    delete = f'DELETE FROM "{table.name}" WHERE {{subjects}}'
    count = _execute(table.with_publishing(delete, deleted=True), table, subjects)
    outbox.wake_publisher()
    return count


def _execute(statement: str, table: ReadModelTable[Any], subjects: Collection[UUID]) -> int:
    """Run a statement with `{subjects}` in place of the condition, for a part of the subjects at a time."""
    count, everybody = 0, list(subjects)
    with connection.cursor() as cursor:
        for start in range(0, len(everybody), _SUBJECTS_PER_STATEMENT):
            some: list[Any] = everybody[start : start + _SUBJECTS_PER_STATEMENT]
            if connection.vendor == "postgresql":
                condition, parameters = "= ANY(%s)", [some]
            else:
                some = [subject.hex for subject in some]
                condition, parameters = f"IN ({', '.join(['%s'] * len(some))})", some
            about = " OR ".join(f'"{name}" {condition}' for name in table.model.subjects)
            cursor.execute(statement.replace("{subjects}", about), parameters * len(table.model.subjects))
            count += cursor.rowcount
    return count
