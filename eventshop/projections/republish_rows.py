"""Publish rows of a read model again, all or those of a range of keys, as if they had changed; or only count them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from eventshop.core.errors import InvalidMessage
from eventshop.projections import outbox
from eventshop.projections.projection import Projection
from eventshop.projections.targets import live_target


def count_rows(projection: Projection[Any], first: str = "", last: str = "") -> int:
    """How many rows `republish_rows` would publish. Raises `InvalidMessage` for what is no key."""
    return int(projection.model._default_manager.filter(**_range(projection, first, last)).count())


def republish_rows(projection: Projection[Any], first: str = "", last: str = "") -> int:
    """Put the rows from key `first` to key `last` into the outbox; empty: no limit. Returns how many.

    Readers of the topic get the newest value of each key once more. Raises `InvalidMessage` for what is no key, and
    where nothing is published: without Kafka.
    """
    if not outbox.is_enabled():
        raise InvalidMessage("nothing is published: that needs PostgreSQL and Kafka")
    table, bounds = live_target(projection).table, _range(projection, first, last)
    conditions = [f'"{table.key}" {">=" if name.endswith("gte") else "<="} %s' for name in bounds]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    change = f'UPDATE "{table.name}" SET "{table.key}" = "{table.key}" {where}'
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(table.with_publishing(change), list(bounds.values()))
        outbox.wake_publisher()
        return int(cursor.rowcount)


def _range(projection: Projection[Any], first: str, last: str) -> dict[str, Any]:
    bounds = {"pk__gte": first, "pk__lte": last}
    try:
        return {name: projection.model._meta.pk.to_python(text) for name, text in bounds.items() if text}
    except ValidationError as error:
        raise InvalidMessage(f"that is no key of {projection.name}: {error.messages[0]}") from error
