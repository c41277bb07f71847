"""Personal data on its way into rows: nobody is erased between reading it and writing it.

A batch reads its events with keys that it may have remembered for seconds. Before it writes what it read, it holds off
every erasure until it has committed, and reads again what belongs to persons who are erased already. So whatever a
slow worker writes, it was there before the erasure, which then empties those rows, or it is redacted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.personal_fields import Redacted
from eventshop.messaging.event_log import UnreadableDelivery
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections.fold import PlannedEvent, plan_events
from eventshop.projections.projection import Projection, ProjectionRegistry
from eventshop.projections.read_model import ReadModel

P = TypeVar("P", PlannedEvent, PlannedEvent | UnreadableDelivery)

#: What PostgreSQL adds to an error about a row: the row.
_DETAIL: Final = re.compile(r"DETAIL: .*")


def personal_text(value: str | Redacted) -> str:
    """A personal value as a row holds it: nothing, once it is erased. `scrub` leaves the same."""
    return "" if isinstance(value, Redacted) else value


def keys_transaction() -> AbstractContextManager[Any]:
    """Around a batch: what holds off erasures lasts as long as its transaction, also in the keys' own database."""
    alias = keys_database()
    return nullcontext() if alias == DEFAULT_DB_ALIAS else transaction.atomic(using=alias)


def hold_off_erasures(
    projection: Projection[Any], planned: Sequence[P], registry: MessageRegistry = program
) -> list[P]:
    """Hold off erasures until this transaction ends; the steps, those about the erased read again."""
    subjects = {it for step in planned for it in _subjects(step)}
    if not subjects:
        return list(planned)
    erasure_locks.block_all_erasures()
    gone = personal_keys.erased_among(subjects)
    for subject in gone:
        personal_keys.key_cache.forget(subject)
    return [_again(projection, step, registry) if gone & _subjects(step) else step for step in planned]


def mask_personal_data(text: str, step: PlannedEvent | None) -> str:
    """What an error says, without the personal data that led to it."""
    for word in sorted(step.decrypted.words if step and step.decrypted else (), key=len, reverse=True):
        text = text.replace(word, "[personal]")
    return _DETAIL.sub("DETAIL: [left out]", text)


def erase_subject(subject: Any, known: ProjectionRegistry) -> int:
    """Empty the personal columns of every row about a person; how many rows were not empty yet.

    First in rows that a rebuild grows, then in the live ones: whatever is swapped in meanwhile is clean already.
    """
    models = {projection.model for projection in known.select([]) if projection.model.personal}
    tables = set(connection.introspection.table_names())
    done = 0
    for model in sorted(models, key=lambda model: model.__name__):
        live = model._meta.db_table
        done += sum(_emptied(model, name, subject) for name in (f"{live}__rebuild", live) if name in tables)
    return done


def _subjects(step: PlannedEvent | UnreadableDelivery) -> frozenset[UUID]:
    return step.decrypted.subjects if isinstance(step, PlannedEvent) and step.decrypted else frozenset()


def _again(projection: Projection[Any], step: Any, registry: MessageRegistry) -> Any:
    [again] = plan_events(projection, [step.clear.source], registry)
    return again


def _emptied(model: type[ReadModel], table: str, subject: Any) -> int:
    written = subject if connection.vendor == "postgresql" else subject.hex
    change = ", ".join(f"\"{name}\" = ''" for name in model.personal)
    full = " OR ".join(f"\"{name}\" <> ''" for name in model.personal)
    whose = " OR ".join(f'"{name}" = %s' for name in model.subjects)
    with connection.cursor() as cursor:
        cursor.execute(f'UPDATE "{table}" SET {change} WHERE ({whose}) AND ({full})', [written] * len(model.subjects))
        return int(cursor.rowcount)
