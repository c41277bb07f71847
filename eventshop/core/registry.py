"""Which stored name is which type. Names are stable; where a class lives is nobody's business."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from msgspec import Struct, inspect

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import DuplicateName, RegistryError, UnknownName
from eventshop.core.message import Command, Event

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

    def add(self, aggregate: type[AnyAggregate]) -> None:
        """Register an aggregate with every command and event its declaration names."""
        commands, events = declared(aggregate)
        for message in (*commands, *events):
            check_fields(message)
        _claim(self.aggregates, aggregate.__name__, aggregate)
        for command in commands:
            _claim(self.commands, command.__name__, command)
            self._owner[command] = aggregate
        for event in events:
            name = event.stored_name or event.__name__
            _claim(self.events, name, event)
            self._names[event] = name
            self._owner[event] = aggregate

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


def _claim(names: dict[str, Any], name: str, claimant: type) -> None:
    if names.setdefault(name, claimant) is not claimant:
        raise DuplicateName(name=name, first=names[name].__qualname__, second=claimant.__qualname__)


def _find(names: dict[str, T], name: str) -> T:
    try:
        return names[name]
    except KeyError:
        raise UnknownName(name=repr(name), known=_listed(names)) from None


def _listed(names: Iterable[str]) -> str:
    return "; ".join(sorted(names)) or "none"


#: The program's own names. Domain modules add their aggregates when they are imported.
registry = Registry()
