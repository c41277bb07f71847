"""What an event changed: the aggregate's state before and after it, folded as for a command."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import field_label, format_value
from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.eventstore.event_store import store

#: A page does not fold longer streams, and says so.
MAX_EVENTS: Final = 2_000


class FieldRow(NamedTuple):
    """One field of the state before and after an event."""

    name: str
    before: str | SafeString
    after: str | SafeString
    changed: bool


class StateChange(NamedTuple):
    """The fields before and after an event, changed ones first; or the problem why they cannot be shown."""

    fields: list[FieldRow]
    problem: str = ""


def describe_change(aggregate_type: str, aggregate_id: UUID, version: int) -> StateChange:
    """What the event with this version changed in its aggregate."""
    if version > MAX_EVENTS:
        return StateChange(
            [],
            f"This stream is long: states are shown up to version {MAX_EVENTS:,}.",
        )
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
    # `str_keys`: the keys of a mapping may be numbers, such as the line numbers of an order.
    plain: dict[str, Any] = msgspec.to_builtins(state, str_keys=True)
    return plain
