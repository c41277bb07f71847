"""A finding: one thing that is wrong or late, with a name, a time and a step that helps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from eventshop.operations.attention.guides import DEFAULT, GUIDES, Guide
from eventshop.operations.health_checks import ComponentHealth
from eventshop.operations.objectives import State
from eventshop.runtime.database_clock import database_now


class Finding(NamedTuple):
    """One thing that is wrong or late. `key` is the same for as long as it is the same thing."""

    key: str
    part: str
    state: State
    title: str
    guide: Guide
    detail: str = ""
    since: datetime | None = None
    number: int = 1
    query: str = ""  # of the guide's page


def general_finding(component: ComponentHealth, *, guide: Guide | None = None) -> Finding:
    """The finding about a part of which no more is known than its health."""
    own = guide or GUIDES.get(component.name, DEFAULT)
    return Finding(
        component.name,
        component.name,
        component.state,
        own.title or f"{component.name.capitalize()}: {component.state}",
        own,
        component.detail,
        waiting_since(component),
        max(1, component.progress.behind if component.progress else 1),
    )


def waiting_since(component: ComponentHealth) -> datetime | None:
    """Since when the oldest of what waits for a part has been waiting; None if nothing does."""
    waited_s = component.progress.behind_s if component.progress else 0.0
    return database_now() - timedelta(seconds=waited_s) if waited_s else None
