"""Which stored name is which type. Names are stable; where a class lives is nobody's business."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from msgspec import Struct, inspect

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import DuplicateName, RegistryError, UnknownName
from eventshop.core.messages import Command, Event
from eventshop.core.personal_fields import PersonalField, personal_fields
from eventshop.core.serialization import prepare
from eventshop.core.upcasting import Reader, Shape, Step, Upcasters, reader_of

AnyAggregate: TypeAlias = Aggregate[Any, Any]
T = TypeVar("T")


class Registry:
    """Aggregates by name, and the commands and events their declarations list.

    Raises `DuplicateName` when a name is taken by another type, `UnknownName` when asked for one nobody has.
    """

    def __init__(self) -> None:
        self.aggregates: dict[str, type[AnyAggregate]] = {}
        self.events: dict[str, type[Event]] = {}
        self.commands: dict[str, type[Command]] = {}
        self._owner: dict[type[Command] | type[Event], type[AnyAggregate]] = {}
        self._names: dict[type[Event], str] = {}
        self._personal: dict[type[Struct], tuple[PersonalField, ...]] = {}
        self._keeping: set[type[AnyAggregate]] = set()
        self._steps: dict[Shape, Step] = {}
        self._readers: dict[tuple[str, int], Reader] = {}

    def add(self, aggregate: type[AnyAggregate], upcasters: Upcasters | None = None) -> None:
        """Register an aggregate with every command and event its declaration names, and how earlier ones are read."""
        commands, events = declared(aggregate)
        for message in (*commands, *events):
            check_fields(message)
            if personal := personal_fields(message):
                self._personal[message] = personal
                self._keeping.add(aggregate)
        _claim(self.aggregates, aggregate.__name__, aggregate)
        for command in commands:
            _claim(self.commands, command.__name__, command)
            self._owner[command] = aggregate
        for event in events:
            name = event.stored_name or event.__name__
            _claim(self.events, name, event)
            self._names[event] = name
            self._owner[event] = aggregate
        for shape, step in upcasters.steps.items() if upcasters else ():
            _claim(self._steps, shape, step)
        prepare(aggregate, *commands, *events)
        self._readers.clear()

    def reader(self, event_type: str, schema_version: int) -> Reader:
        """How an event that was stored under this name and version is read."""
        found = self._readers.get((event_type, schema_version))
        if found is None:
            found = reader_of(Shape(event_type, schema_version), self._steps, self.events, self.personal)
            if found is None:
                raise UnknownName(name=repr(event_type), known=_listed(self.events))
            self._readers[event_type, schema_version] = found
        return found

    def knows(self, event_type: str, schema_version: int) -> bool:
        """Whether events of this name can be read."""
        return event_type in self.events or Shape(event_type, schema_version) in self._steps

    def step(self, shape: Shape) -> Step | None:
        """The upcaster from a shape to the next, if it needs one."""
        return self._steps.get(shape)

    def stored_names(self, event: type[Event]) -> list[str]:
        """Every name under which events of a type lie in the store: today's, then those of before."""
        former = {shape.event_type for shape in self._steps if self.reader(*shape).kind is event}
        return [self.name_of(event), *sorted(former - {self.name_of(event)})]

    def aggregate_of(self, message: type[Command] | type[Event]) -> type[AnyAggregate]:
        try:
            return self._owner[message]
        except KeyError:
            raise UnknownName(name=message.__name__) from None

    def name_of(self, event: type[Event]) -> str:
        try:
            return self._names[event]
        except KeyError:
            raise UnknownName(name=event.__name__) from None

    def personal(self, message: type[Struct]) -> tuple[PersonalField, ...]:
        """The fields of a command or event that are somebody's personal data; nearly all have none."""
        return self._personal.get(message, ())

    def keeping(self, aggregate: type[AnyAggregate]) -> bool:
        """Whether anything that an aggregate takes or tells can hold personal data."""
        return aggregate in self._keeping

    def keeps_personal(self, command: type[Command]) -> bool:
        """Whether anything that the command's aggregate takes or tells can hold personal data."""
        return self._owner.get(command) in self._keeping

    def event(self, name: str) -> type[Event]:
        return _find(self.events, name)

    def command(self, name: str) -> type[Command]:
        return _find(self.commands, name)

    def aggregate(self, name: str) -> type[AnyAggregate]:
        return _find(self.aggregates, name)


def declared(aggregate: type[AnyAggregate]) -> tuple[list[type[Command]], list[type[Event]]]:
    """The commands and events an aggregate's declaration lists."""
    for base in getattr(aggregate, "__orig_bases__", ()):
        if get_origin(base) is Aggregate:
            commands, events = (get_args(union) or (union,) for union in get_args(base))
            return list(commands), list(events)
    raise RegistryError(
        f"{aggregate.__name__}: declare it as Aggregate[Commands, Events]", aggregate=aggregate.__name__
    )


def check_fields(message: type[Struct]) -> None:
    """Refuse a field that could hold an inexact amount or a time without zone; raises `RegistryError`."""
    for kind in _kinds(inspect.type_info(message), set()):
        if isinstance(kind, inspect.FloatType):
            raise RegistryError(
                f"{message.__name__}: a float is never exact, use Decimal or Money", message=message.__name__
            )
        if isinstance(kind, inspect.DateTimeType) and kind.tz is not True:
            raise RegistryError(f"{message.__name__}: a time needs its zone, use Instant", message=message.__name__)


def _kinds(kind: inspect.Type, seen: set[type]) -> Iterator[inspect.Type]:
    """A type and every type inside it."""
    yield kind
    inner: list[inspect.Type] = []
    if isinstance(kind, inspect.StructType) and kind.cls not in seen:
        seen.add(kind.cls)
        inner += [field.type for field in kind.fields]
    inner += [part for name in ("item_type", "key_type", "value_type") if (part := getattr(kind, name, None))]
    inner += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    for part in inner:
        yield from _kinds(part, seen)


def _claim(names: dict[Any, Any], name: Any, claimant: Any) -> None:
    if names.setdefault(name, claimant) is not claimant:
        first, second = (getattr(one, "__qualname__", repr(one)) for one in (names[name], claimant))
        raise DuplicateName(name=name, first=first, second=second)


def _find(names: dict[str, T], name: str) -> T:
    try:
        return names[name]
    except KeyError:
        raise UnknownName(name=repr(name), known=_listed(names)) from None


def _listed(names: Iterable[str]) -> str:
    return "; ".join(sorted(names)) or "none"


#: The program's own names. Domain modules add their aggregates when they are imported.
registry = Registry()
