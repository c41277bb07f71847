"""Swap a rebuild in: replace the live rows and dead letters, writing and publishing only what differs."""

from __future__ import annotations

from typing import Any

from django.db import connection

from eventshop.projections import outbox
from eventshop.projections.models import DeadLetter
from eventshop.projections.read_model import ReadModel
from eventshop.projections.read_model_table import ReadModelTable


def replace_rows(old: ReadModelTable[Any], new: ReadModelTable[Any]) -> dict[str, int]:
    """Make the old table equal to the new one, writing only rows that differ.

    Returns how many rows were `removed`, `added` and `changed`.
    """
    columns = [f'"{name}"' for name in old.columns]
    is_same = "IS NOT DISTINCT FROM" if connection.vendor == "postgresql" else "IS"
    old_columns, new_columns = (", ".join(f"{table}.{name}" for name in columns) for table in ("o", "n"))
    same_key = f'o."{old.key}" = n."{old.key}"'
    with connection.cursor() as cursor:
        delete = f'DELETE FROM "{old.name}" AS o WHERE NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {same_key})'
        cursor.execute(old.with_publishing(delete, deleted=True))
        removed = cursor.rowcount
        is_new = f'NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {same_key})'
        cursor.execute(f'SELECT COUNT(*) FROM "{new.name}" AS n WHERE {is_new}')
        [added] = cursor.fetchone()
        upsert = (
            f'INSERT INTO "{old.name}" ({", ".join(columns)}) SELECT {new_columns} FROM "{new.name}" AS n '
            f'WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o '
            f"WHERE {same_key} AND ({old_columns}) {is_same} ({new_columns})) "
            f"{old.on_conflict()}"
        )
        cursor.execute(old.with_publishing(upsert))
        outbox.wake_publisher()
        return {"removed": removed, "added": added, "changed": cursor.rowcount - added}


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


def create_like(name: str, read_model: type[ReadModel]) -> None:
    """Create an empty table with the same columns and primary key; folding into it needs no other index."""
    model = read_model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f'CREATE TABLE "{name}" (LIKE "{model}" INCLUDING INDEXES)')
            for column in read_model.erasable():  # the planner stores sample values of all other columns
                cursor.execute(f'ALTER TABLE "{name}" ALTER COLUMN "{column}" SET STATISTICS 0')
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [model])
        [sql] = cursor.fetchone()
        cursor.execute(sql.replace(f'"{model}"', f'"{name}"', 1))
