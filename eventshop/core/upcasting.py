"""Events of earlier shapes, as today's program reads them. What is stored is never rewritten.

An upcaster is a pure function from the fields of one schema version, as they lie in the stored JSON, to those of the
next. `orders/domain/upcasters.py` is the example. A version that only added fields with defaults needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from eventshop.core.errors import DuplicateName
from eventshop.core.messages import Event
from eventshop.core.personal_fields import Personal, PersonalField

Fields: TypeAlias = dict[str, Any]
Upcaster: TypeAlias = Callable[[Fields], Fields]


class Shape(NamedTuple):
    """One schema version of one event type, by the name it was stored under."""

    event_type: str
    schema_version: int


class Step(NamedTuple):
    """From one shape to the next. `personal`: the marks of the earlier one, where they were others than later."""

    to: Shape
    upcast: Upcaster
    personal: Mapping[str, Personal] | None


class Upcasters:
    """A domain's upcasters. Raises `DuplicateName` for a second one from the same shape."""

    def __init__(self) -> None:
        self.steps: dict[Shape, Step] = {}

    def upcast(
        self,
        event_type: str,
        schema_version: int,
        *,
        to: tuple[str, int] | None = None,
        personal: Mapping[str, Personal] | None = None,
    ) -> Callable[[Upcaster], Upcaster]:
        """Register the way from this shape to the next version, or to another type's version (a rename)."""

        def register(upcaster: Upcaster) -> Upcaster:
            shape = Shape(event_type, schema_version)
            if shape in self.steps:
                raise DuplicateName(name=shape, first=self.steps[shape].upcast.__name__, second=upcaster.__name__)
            self.steps[shape] = Step(Shape(*(to or (event_type, schema_version + 1))), upcaster, personal)
            return upcaster

        return register


class Reader(NamedTuple):
    """How an event stored in some shape is read: as which type, what is sealed in it, and the steps to today."""

    event_type: str  # today's name
    kind: type[Event]
    personal: tuple[PersonalField, ...]
    upcasters: tuple[Upcaster, ...]
    newer: bool = False  # stored by a later program than this one


def reader_of(
    shape: Shape,
    steps: Mapping[Shape, Step],
    kinds: Mapping[str, type[Event]],
    personal: Callable[[type[Event]], tuple[PersonalField, ...]],
) -> Reader | None:
    """The way from a shape to today's; None when no type has that name, nor ever had."""
    at, upcasters, marks = shape, list[Upcaster](), None
    while True:
        if step := steps.get(at):
            upcasters.append(step.upcast)
            marks = step.personal if marks is None else marks
            at = step.to
        elif at.event_type not in kinds:
            return None
        elif at.schema_version < kinds[at.event_type].schema_version:
            at = Shape(at.event_type, at.schema_version + 1)
        else:
            break
    kind = kinds[at.event_type]
    sealed = personal(kind) if marks is None else tuple(_field(name, mark) for name, mark in marks.items())
    return Reader(at.event_type, kind, sealed, tuple(upcasters), at.schema_version > kind.schema_version)


def _field(name: str, mark: Personal) -> PersonalField:
    return PersonalField(name, mark.of, mark.purpose, mark.since, mark.unique)
