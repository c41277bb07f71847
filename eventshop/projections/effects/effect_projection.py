"""A projection whose rows are effects: what an event asks to be done outside, once.

An effect is *muted*, and gets no row, when it was due before the projection went live, or so long before its event was
recorded that it is no news: an import, a restore, a rebuild and the past of a store do nothing outside.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import DuplicateName, EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Event, Meta
from eventshop.eventstore.records import EventRow, to_recorded_event
from eventshop.projections.models import EffectCursor, ProjectedEffect

#: What happened longer before it was recorded is history: nobody is told of it.
HISTORY_AFTER: Final = timedelta(days=1)


class EffectNotNeeded(EventShopError):
    """There is nothing to do any more, or there is nobody to do it for."""

    code = "effect-not-needed"


class EffectRefused(EventShopError):
    """The receiver refused it for good, and nothing was done."""

    code = "effect-refused"


class EffectNotPerformed(EventShopError):
    """It failed, and certainly nothing was done: it is tried again."""

    code = "effect-not-performed"


class EffectRequest(NamedTuple):
    """What a handler gets: the id of the effect, the event with its metadata, and the person whom it concerns."""

    effect_id: UUID
    kind: str
    event: Any
    meta: Meta
    person: UUID | None


#: Performs the effect outside. Raises `EffectNotPerformed` or `EffectRefused` only if nothing was done.
Act: TypeAlias = Callable[[], None]
#: Prepares an effect without doing anything outside. Raises `EffectNotNeeded`; any other error is tried again.
Prepare: TypeAlias = Callable[[EffectRequest], Act]


class EffectRule(NamedTuple):
    """One kind of effect: the event that asks for it, for whom, when, and how it is prepared.

    Where `person` gives None, there is nobody to do it for, and no effect; without it, it is about no person.
    """

    kind: str
    event: type[Event]
    prepare: Prepare
    person: Callable[[Any], UUID | None] | None
    due: Callable[[Any, Meta], datetime]


class EffectProjection:
    """The effects of one name. `Plugin.effect_projections` names it; every worker collects and performs them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rules: dict[str, EffectRule] = {}

    def register(self, rule: EffectRule) -> None:
        """Add a kind of effect. Raises `DuplicateName`."""
        if self.rules.setdefault(rule.kind, rule) is not rule:
            raise DuplicateName(f"{self.name}: two effects are named {rule.kind!r}", name=rule.kind)

    def effects_of(self, row: EventRow, cursor: EffectCursor, registry: MessageRegistry) -> list[ProjectedEffect]:
        """The effects that an event asks for, without the muted ones."""
        rules = [rule for rule in self.rules.values() if registry.events.get(row.event_type) is rule.event]
        return [effect for rule in rules if (effect := self._effect(rule, row, cursor, registry))]

    def _effect(
        self, rule: EffectRule, row: EventRow, cursor: EffectCursor, registry: MessageRegistry
    ) -> ProjectedEffect | None:
        recorded, person, due = None, None, row.occurred_at
        try:
            recorded = to_recorded_event(row, registry)
        except EventShopError:  # perhaps a newer release can read it: performing it reads it again, and retries
            pass
        else:
            due = rule.due(recorded.event, recorded.meta)
        if due < row.recorded_at - HISTORY_AFTER or (row.position <= cursor.live_from and due < cursor.live_at):
            return None
        if recorded is not None and rule.person is not None:
            person = rule.person(recorded.event)
            if person is None:
                return None
        return ProjectedEffect(
            id=derive_id("projected-effect", self.name, row.event_id, rule.kind),
            projection=self.name,
            kind=rule.kind,
            event_id=row.event_id,
            event_type=row.event_type,
            aggregate_id=row.aggregate_id,
            position=row.position,
            person=person,
            due_at=due,
        )


_projections: Final[dict[str, EffectProjection]] = {}


def register(projection: EffectProjection) -> None:
    """Add a projection. Raises `DuplicateName`."""
    if _projections.setdefault(projection.name, projection) is not projection:
        raise DuplicateName(name=projection.name)


def effect_projections() -> list[EffectProjection]:
    """The projections of the program, in the order of their plug-ins."""
    return list(_projections.values())


def effect_projection(name: str) -> EffectProjection | None:
    """The projection of this name; None for one that the program no longer has."""
    return _projections.get(name)
