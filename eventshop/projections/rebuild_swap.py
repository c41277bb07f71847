"""Putting a rebuild's rows and parked events in the place of the live ones: only what differs is touched, and told."""

from __future__ import annotations

from typing import Any

from django.db import connection

from eventshop.projections import outbox
from eventshop.projections.models import DeadLetter
from eventshop.projections.read_model import ReadModel
from eventshop.projections.read_model_table import ReadModelTable


def replace_rows(old: ReadModelTable[Any], new: ReadModelTable[Any]) -> dict[str, int]:
    """Make the old table equal to the new one, touching only rows that differ; how many of each kind."""
    columns = [f'"{name}"' for name in old.columns]
    same = "IS NOT DISTINCT FROM" if connection.vendor == "postgresql" else "IS"
    ours, theirs = (", ".join(f"{table}.{name}" for name in columns) for table in ("o", "n"))
    pair = f'o."{old.key}" = n."{old.key}"'
    with connection.cursor() as cursor:
        gone = f'DELETE FROM "{old.name}" AS o WHERE NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {pair})'
        cursor.execute(old.with_publishing(gone, gone=True))
        removed = cursor.rowcount
        cursor.execute(
            f'SELECT COUNT(*) FROM "{new.name}" AS n WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {pair})'
        )
        [added] = cursor.fetchone()
        changed = (
            f'INSERT INTO "{old.name}" ({", ".join(columns)}) SELECT {theirs} FROM "{new.name}" AS n '
            f'WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {pair} AND ({ours}) {same} ({theirs})) '
            f"{old.on_conflict()}"
        )
        cursor.execute(old.with_publishing(changed))
        return {"removed": removed, "added": added, "changed": cursor.rowcount - added}


def replace_dead_letters(old: str, new: str) -> None:
    """What the rebuild set aside is set aside from now on; what was not before, others hear of now."""
    known = set(DeadLetter.objects.filter(projection=old).values_list("event_id", flat=True))
    DeadLetter.objects.filter(projection=old).delete()
    DeadLetter.objects.filter(projection=new).update(projection=old)
    outbox.add_dead_letters(DeadLetter.objects.filter(projection=old).exclude(event_id__in=known).order_by("position"))


def create_like(name: str, read_model: type[ReadModel]) -> None:
    """An empty table with the same columns and primary key; only the key is needed to fold into it."""
    model = read_model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f'CREATE TABLE "{name}" (LIKE "{model}" INCLUDING INDEXES)')
            for column in read_model.personal:  # the planner keeps samples of all others
                cursor.execute(f'ALTER TABLE "{name}" ALTER COLUMN "{column}" SET STATISTICS 0')
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [model])
        [sql] = cursor.fetchone()
        cursor.execute(sql.replace(f'"{model}"', f'"{name}"', 1))
