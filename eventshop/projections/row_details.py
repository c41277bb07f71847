"""What a projection keeps of a row in small rows of their own, so that a change rewrites only what it concerns.

A position has tens of thousands of fills: in a column, each new one would rewrite all of them (decision 263).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection, models

from eventshop.core.deterministic_ids import derive_id
from eventshop.projections.read_model_table import ReadModelTable


class RowDetail(models.Model):
    """A detail of the row with the primary key `row`. Only the projection reads it; it is neither published nor shown.

    No personal data: erasures do not look here.
    """

    id = models.UUIDField(primary_key=True, help_text="Derived from row and key.")
    row = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    value = models.TextField()

    class Meta:
        abstract = True
        default_permissions = ()
        indexes = (models.Index(fields=["row"], name="%(class)s_row"),)

    def __str__(self) -> str:
        return f"{self.row} {self.key}"


def detail_id(row: str, key: str) -> UUID:
    return derive_id("row-detail", row, key)


class DetailStore:
    """The details that one fold reads and changes: in memory, or on top of a table until `save`."""

    def __init__(self, table: ReadModelTable[Any] | None = None) -> None:
        self.table = table
        #: By row and key; None for a detail that does not exist.
        self._known: dict[str, dict[str, str | None]] = {}
        self._changed: dict[str, dict[str, None]] = {}

    def of(self, row: str) -> RowDetails:
        return RowDetails(self, row)

    def read(self, keys_by_row: Mapping[str, Iterable[str]]) -> None:
        """Read details that are not known yet, of all these rows in one statement."""
        missing = {
            detail_id(row, key): (row, key)
            for row, keys in keys_by_row.items()
            for key in keys
            if key not in self._known.get(row, ())
        }
        found = self.table.load(missing) if self.table else {}
        for number, (row, key) in missing.items():
            self._known.setdefault(row, {})[key] = found[number].value if number in found else None

    def get(self, row: str, keys: Collection[str]) -> dict[str, str]:
        self.read({row: keys})
        known = self._known.get(row, {})
        return {key: value for key in keys if (value := known[key]) is not None}

    def get_all(self, row: str) -> dict[str, str]:
        known = self._known.setdefault(row, {})
        if self.table is not None:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT key, value FROM "{self.table.name}" WHERE "row" = %s', [row])
                for key, value in cursor.fetchall():
                    known.setdefault(key, value)
        return {key: value for key, value in known.items() if value is not None}

    def put(self, row: str, key: str, value: str | None) -> None:
        self._known.setdefault(row, {})[key] = value
        if self.table is not None:
            self._changed.setdefault(row, {})[key] = None

    def save(self) -> None:
        """Write what was changed to the table."""
        if self.table is None or not self._changed:
            return
        changed = [(row, key, self._known[row][key]) for row, keys in self._changed.items() for key in keys]
        self.table.save(
            [
                self.table.model(id=detail_id(row, key), row=row, key=key, value=value)
                for row, key, value in changed
                if value is not None
            ]
        )
        self.table.delete([detail_id(row, key) for row, key, value in changed if value is None])
        self._changed.clear()


class RowDetails:
    """The details of one row, by key."""

    def __init__(self, store: DetailStore, row: str) -> None:
        self._store = store
        self._row = row

    def get(self, keys: Collection[str]) -> dict[str, str]:
        """Those of these details that exist."""
        return self._store.get(self._row, keys)

    def get_all(self) -> dict[str, str]:
        return self._store.get_all(self._row)

    def put(self, key: str, value: str | None) -> None:
        """Add or replace a detail; None removes it."""
        self._store.put(self._row, key, value)
