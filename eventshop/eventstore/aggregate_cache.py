"""Aggregates as this process last left them, so that the next command for one need not load it.

What is remembered is never trusted: an append from memory names the hash of the event it follows, and the database
refuses it when the stream no longer ends with that very event. A stream's hash stands for its whole history.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from eventshop.core.aggregate import Aggregate
from eventshop.eventstore.command_execution import Loaded

_Key = tuple[type[Aggregate[Any, Any]], UUID]

_remembered: OrderedDict[_Key, Loaded] = OrderedDict()
_turn = Lock()


def recall(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID) -> Loaded | None:
    """The aggregate as it was left, if that is remembered and may be used here."""
    if not _worth_it():
        return None
    with _turn:
        at = _remembered.get((aggregate, aggregate_id))
        if at is not None:
            _remembered.move_to_end((aggregate, aggregate_id))
        return at


def remember(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, at: Loaded) -> None:
    """Remember an aggregate whose last event is committed; the one not used for longest is forgotten."""
    if not _worth_it():
        return
    with _turn:
        _remembered[aggregate, aggregate_id] = at
        _remembered.move_to_end((aggregate, aggregate_id))
        while len(_remembered) > settings.AGGREGATES_IN_MEMORY:
            _remembered.popitem(last=False)


def forget(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID) -> None:
    with _turn:
        _remembered.pop((aggregate, aggregate_id), None)


def _worth_it() -> bool:
    """Not inside a transaction, which may yet be rolled back; nor on SQLite, where loading asks no other process."""
    if settings.AGGREGATES_IN_MEMORY == 0:
        return False
    django = connections[DEFAULT_DB_ALIAS]
    return django.vendor == "postgresql" and not django.in_atomic_block
