"""Fields of payloads by whose value events are found through an index, which apps choose in their plug-ins.

An index holds only events of the types that have the field, so no other append pays for it. An app creates its own in a
migration (`create_payload_index`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet

from eventshop.core.errors import DuplicateName


@dataclass(frozen=True)
class PayloadIndex:
    """A text field that stands once in the payload of each of these events, and in clear."""

    field: str
    event_types: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"event_of_{self.field}"

    def filter(self, events: QuerySet[Any], value: str) -> QuerySet[Any]:
        """The events with this value. The text of the condition is that of the index, or SQLite would not use it."""
        condition, value_sql = self._sql(connection.vendor)
        return events.extra(where=[f"{condition} AND {value_sql} = %s"], params=[value])  # noqa: S610  (no input in it)

    def create_sql(self, vendor: str) -> str:
        condition, value_sql = self._sql(vendor)
        return f"CREATE INDEX {self.name} ON event ({value_sql}, position) WHERE {condition}"

    def _sql(self, vendor: str) -> tuple[str, str]:
        names = ", ".join(f"'{name}'" for name in self.event_types)
        # PostgreSQL's JSON functions refuse escapes that JSON allows: an append must not fail for its index.
        value = (
            f"""substring(payload from '"{self.field}":"([^"\\\\]*)"')"""
            if vendor == "postgresql"
            else f"json_extract(payload, '$.{self.field}')"
        )
        return f"event_type IN ({names})", value


_indexes: Final[dict[str, PayloadIndex]] = {}


def register(index: PayloadIndex) -> None:
    """Let events be found by this field. Raises `DuplicateName`."""
    if _indexes.setdefault(index.field, index) is not index:
        raise DuplicateName(f"Two indexes are of the field {index.field!r}", name=index.field)


def payload_index_of(field: str) -> PayloadIndex | None:
    return _indexes.get(field)


def create_payload_index(index: PayloadIndex) -> Callable[[Any, Any], None]:
    """What a migration runs with `RunPython`."""
    return lambda apps, editor: editor.execute(index.create_sql(editor.connection.vendor))


def drop_payload_index(index: PayloadIndex) -> Callable[[Any, Any], None]:
    return lambda apps, editor: editor.execute(f"DROP INDEX {index.name}")
