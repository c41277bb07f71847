"""The health check of the event table, for `/readyz`: whether a transaction that stays open holds up its readers."""

from __future__ import annotations

from eventshop.eventstore.open_appends import describe_open_appends
from eventshop.operations.health_checks import ComponentHealth


def check_event_table() -> ComponentHealth:
    """Whether every transaction that has appended ended within seconds; if not, the detail says whose did not."""
    open_appends = describe_open_appends()
    return ComponentHealth("event table", not open_appends, open_appends or "no append stays open")
