"""Swap a rebuild in: replace the live rows and dead letters, writing and publishing only what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from eventshop.projections import outbox
from eventshop.projections.historical_queries import EXAMPLES, LINEAGE, RowDifference, differing_columns, mask_personal
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import Projection
from eventshop.projections.read_model import ReadModel
from eventshop.projections.read_model_table import ReadModelTable


class TableDifference(NamedTuple):
    """How many rows a swap would add, change and remove, and some of those that it would change."""

    added: int
    changed: int
    removed: int
    examples: list[RowDifference]

    @property
    def rows(self) -> int:
        return self.added + self.changed + self.removed


def compare_rows(old: ReadModelTable[Any], new: ReadModelTable[Any]) -> TableDifference:
    """What making the old table equal to the new one changes; rows that differ in their lineage alone do not count."""
    joined = f'FROM "{old.name}" AS o JOIN "{new.name}" AS n ON {_same_key(old)}'
    differs = f"NOT ({_same_values([name for name in old.columns if name not in LINEAGE])})"
    is_new = f'NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {_same_key(old)})'
    added = _count(f'FROM "{new.name}" AS n WHERE {is_new}')
    removed = _count(
        f'FROM "{old.name}" AS o WHERE NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {_same_key(old)})'
    )
    changed = _count(f"{joined} WHERE {differs}")
    return TableDifference(added, changed, removed, _examples(old, new, f"{joined} WHERE {differs}") if changed else [])


def encode_examples(projection: Projection[Any], difference: TableDifference) -> str:
    """The examples as JSON, without personal values: pairs of row and its columns, each as it was and as it becomes."""
    masked = [(row.key, mask_personal(projection, row.columns)) for row in difference.examples]
    return msgspec.json.encode(masked).decode()


def _examples(old: ReadModelTable[Any], new: ReadModelTable[Any], differing: str) -> list[RowDifference]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT o."{old.key}" {differing} ORDER BY 1 LIMIT {EXAMPLES}')
        keys = [key for [key] in cursor.fetchall()]
    if connection.vendor == "sqlite":  # as SQLite stores it
        keys = [old.model._meta.pk.to_python(key) for key in keys]
    old_rows, new_rows = old.load(keys), new.load(keys)
    return [RowDifference(str(key), differing_columns(old_rows[key], new_rows[key])) for key in keys]


def _count(rows: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) {rows}")
        return int(cursor.fetchone()[0])


def _same_key(table: ReadModelTable[Any]) -> str:
    return f'o."{table.key}" = n."{table.key}"'


def _is_superfluous(old: ReadModelTable[Any], new: ReadModelTable[Any]) -> str:
    return f'NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {_same_key(old)})'


def _same_values(columns: Sequence[str | None]) -> str:
    is_same = "IS NOT DISTINCT FROM" if connection.vendor == "postgresql" else "IS"
    old_columns, new_columns = (", ".join(f'{table}."{name}"' for name in columns) for table in ("o", "n"))
    return f"({old_columns}) {is_same} ({new_columns})"


def replace_rows(old: ReadModelTable[Any], new: ReadModelTable[Any]) -> None:
    """Make the old table equal to the new one, writing only rows that differ, if only in their lineage."""
    columns = [f'"{name}"' for name in old.columns]
    new_columns = ", ".join(f"n.{name}" for name in columns)
    with connection.cursor() as cursor:
        delete = (
            f'DELETE FROM "{old.name}" AS o WHERE NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {_same_key(old)})'
        )
        cursor.execute(old.with_publishing(delete, deleted=True))
        upsert = (
            f'INSERT INTO "{old.name}" ({", ".join(columns)}) SELECT {new_columns} FROM "{new.name}" AS n '
            f'WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o '
            f"WHERE {_same_key(old)} AND {_same_values(old.columns)}) "
            f"{old.on_conflict()}"
        )
        cursor.execute(old.with_publishing(upsert))
        outbox.wake_publisher()


def replace_dead_letters(old: str, new: str) -> None:
    """Replace the live dead letters with those of the rebuild; dead letters that are new are published."""
    published_before = set(DeadLetter.objects.filter(projection=old).values_list("event_id", flat=True))
    DeadLetter.objects.filter(projection=old).delete()
    DeadLetter.objects.filter(projection=new).update(projection=old)
    outbox.add_dead_letters(
        DeadLetter.objects.filter(projection=old, waits_for="")
        .exclude(event_id__in=published_before)
        .order_by("position")
    )


def create_like(table: ReadModelTable[Any]) -> None:
    """Create the table, empty, with the columns and primary key of its model; folding into it needs no other index."""
    name, model = table.name, table.model._meta.db_table
    erasable = table.model.erasable() if issubclass(table.model, ReadModel) else ()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f'CREATE TABLE "{name}" (LIKE "{model}" INCLUDING INDEXES)')
            for column in erasable:  # the planner stores sample values of all other columns
                cursor.execute(f'ALTER TABLE "{name}" ALTER COLUMN "{column}" SET STATISTICS 0')
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [model])
        [sql] = cursor.fetchone()
        cursor.execute(sql.replace(f'"{model}"', f'"{name}"', 1))
