"""What an event changed: the aggregate before and after it, by the same fold that decides commands."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import label, readable
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.eventstore.event_store import store

#: A longer past is not folded for a page; the page says so.
LONGEST_FOLD: Final = 2_000


class Field(NamedTuple):
    """One field of the state, around one event."""

    name: str
    before: str | SafeString
    after: str | SafeString
    changed: bool


class Change(NamedTuple):
    """The fields around one event, the changed ones first; or why they cannot be shown."""

    fields: list[Field]
    problem: str = ""


def change_at(aggregate_type: str, aggregate_id: UUID, version: int) -> Change:
    """What the event with this version did to its aggregate."""
    if version > LONGEST_FOLD:
        return Change([], f"This stream is long: states are shown up to version {LONGEST_FOLD:,}.")
    try:
        before, after = _around(aggregate_type, aggregate_id, version)
    except EventShopError as error:
        return Change([], f"The state cannot be computed: {error}")
    fields = [
        Field(label(name), readable(before.get(name)), readable(value), before.get(name) != value)
        for name, value in after.items()
    ]
    return Change(sorted(fields, key=lambda field: not field.changed))


def _around(aggregate_type: str, aggregate_id: UUID, version: int) -> tuple[dict[str, Any], dict[str, Any]]:
    state = registry.aggregate(aggregate_type)()
    before = state
    for recorded in store.get_event_stream(aggregate_id, to_version=version):
        before, state = state, state.evolve(recorded.event)
    return _plain(before), _plain(state)


def _plain(state: Any) -> dict[str, Any]:
    # Keys become text: a state may count pieces by line number.
    plain: dict[str, Any] = msgspec.to_builtins(state, str_keys=True)
    return plain
