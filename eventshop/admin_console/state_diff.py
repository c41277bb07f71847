"""What an event changed: the aggregate before and after it, by the same fold that decides commands."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import field_label, format_value
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.eventstore.event_store import store

#: A longer past is not folded for a page; the page says so.
MAX_EVENTS: Final = 2_000


class FieldRow(NamedTuple):
    """One field of the state, around one event."""

    name: str
    before: str | SafeString
    after: str | SafeString
    changed: bool


class StateChange(NamedTuple):
    """The fields around one event, the changed ones first; or why they cannot be shown."""

    fields: list[FieldRow]
    problem: str = ""


def describe_change(aggregate_type: str, aggregate_id: UUID, version: int) -> StateChange:
    """What the event with this version did to its aggregate."""
    if version > MAX_EVENTS:
        return StateChange([], f"This stream is long: states are shown up to version {MAX_EVENTS:,}.")
    try:
        before, after = _states_around(aggregate_type, aggregate_id, version)
    except EventShopError as error:
        return StateChange([], f"The state cannot be computed: {error}")
    fields = [
        FieldRow(field_label(name), format_value(before.get(name)), format_value(value), before.get(name) != value)
        for name, value in after.items()
    ]
    return StateChange(sorted(fields, key=lambda field: not field.changed))


def _states_around(aggregate_type: str, aggregate_id: UUID, version: int) -> tuple[dict[str, Any], dict[str, Any]]:
    state = registry.aggregate_class(aggregate_type)()
    before = state
    for recorded in store.get_event_stream(aggregate_id, to_version=version):
        before, state = state, state.evolve(recorded.event)
    return _to_builtins(before), _to_builtins(state)


def _to_builtins(state: Any) -> dict[str, Any]:
    # Keys become text: a state may count pieces by line number.
    plain: dict[str, Any] = msgspec.to_builtins(state, str_keys=True)
    return plain
