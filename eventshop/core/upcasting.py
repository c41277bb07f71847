"""Upcasting: events of earlier schema versions are converted when they are read. Stored events are never rewritten.

An upcaster is a pure function from the fields of one schema version, as in the stored JSON, to those of the next.
`orders/domain/upcasters.py` is an example. A version that only adds fields with defaults needs no upcaster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from eventshop.core.errors import DuplicateName
from eventshop.core.messages import Event
from eventshop.core.personal_fields import Personal, PersonalField, to_personal_field

Fields: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Fields], Fields]


class EventSchemaId(NamedTuple):
    """One schema version of an event type, under its stored name."""

    event_type: str
    schema_version: int


class UpcasterStep(NamedTuple):
    """One upcaster and its target. `personal_fields`: the marks of the source version, if they differ."""

    to: EventSchemaId
    upcast: Upcaster
    personal_fields: Mapping[str, Personal] | None


class Upcasters:
    """The upcasters of a domain. Raises `DuplicateName` for a second one from the same schema version."""

    def __init__(self) -> None:
        self.steps: dict[EventSchemaId, UpcasterStep] = {}

    def upcast(
        self,
        event_type: str,
        schema_version: int,
        *,
        to: tuple[str, int] | None = None,
        personal: Mapping[str, Personal] | None = None,
    ) -> Callable[[Upcaster], Upcaster]:
        """Register an upcaster to the next version, or with `to` to a version of another type (a rename)."""

        def register(upcaster: Upcaster) -> Upcaster:
            shape = EventSchemaId(event_type, schema_version)
            if shape in self.steps:
                raise DuplicateName(name=shape, first=self.steps[shape].upcast.__name__, second=upcaster.__name__)
            self.steps[shape] = UpcasterStep(
                EventSchemaId(*(to or (event_type, schema_version + 1))), upcaster, personal
            )
            return upcaster

        return register


class EventReader(NamedTuple):
    """How to read events of one stored schema version: their class, their encrypted fields and their upcasters."""

    event_type: str  # the current name
    event_class: type[Event]
    personal_fields: tuple[PersonalField, ...]
    upcasters: tuple[Upcaster, ...]
    is_newer: bool = False  # written by a later release of this program


def build_reader(
    stored_schema: EventSchemaId,
    steps: Mapping[EventSchemaId, UpcasterStep],
    event_classes: Mapping[str, type[Event]],
    personal_fields_of: Callable[[type[Event]], tuple[PersonalField, ...]],
) -> EventReader | None:
    """Return the reader for a stored schema version; None when no event type has or had that name."""
    schema, upcasters, marks = stored_schema, list[Upcaster](), None
    while True:
        if step := steps.get(schema):
            upcasters.append(step.upcast)
            marks = step.personal_fields if marks is None else marks
            schema = step.to
        elif schema.event_type not in event_classes:
            return None
        elif schema.schema_version < event_classes[schema.event_type].schema_version:
            schema = EventSchemaId(schema.event_type, schema.schema_version + 1)
        else:
            break
    event_class = event_classes[schema.event_type]
    fields = (
        personal_fields_of(event_class)
        if marks is None
        else tuple(to_personal_field(name, mark) for name, mark in marks.items())
    )
    return EventReader(
        schema.event_type, event_class, fields, tuple(upcasters), schema.schema_version > event_class.schema_version
    )
