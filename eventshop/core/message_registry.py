"""Maps stored names to message types. Stored names are stable and independent of module paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from msgspec import Struct, inspect

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import DuplicateName, ProgramTooOld, RegistryError, UnknownName
from eventshop.core.messages import Command, Event
from eventshop.core.personal_fields import PersonalField, personal_fields
from eventshop.core.serialization import prepare_decoders
from eventshop.core.upcasting import EventReader, EventSchemaId, Upcaster, Upcasters, UpcasterStep, build_reader

AnyAggregate: TypeAlias = Aggregate[Any, Any]
T = TypeVar("T")


class MessageRegistry:
    """Aggregates by name, with the commands and events that their declarations list.

    Raises `DuplicateName` when another type already has a name, `UnknownName` for a name that is not registered.
    """

    def __init__(self) -> None:
        self.aggregates: dict[str, type[AnyAggregate]] = {}
        self.events: dict[str, type[Event]] = {}
        self.commands: dict[str, type[Command]] = {}
        self._aggregate_by_message: dict[type[Command] | type[Event], type[AnyAggregate]] = {}
        self._name_by_event: dict[type[Event], str] = {}
        self._personal_fields: dict[type[Struct], tuple[PersonalField, ...]] = {}
        self._with_personal_data: set[type[AnyAggregate]] = set()
        self._steps: dict[EventSchemaId, UpcasterStep] = {}
        self._readers: dict[tuple[str, int], EventReader] = {}

    def add(self, aggregate: type[AnyAggregate], upcasters: Upcasters | None = None) -> None:
        """Register an aggregate, the commands and events of its declaration, and its upcasters."""
        commands, events = declared_messages(aggregate)
        for message in (*commands, *events):
            check_field_types(message)
            if personal := personal_fields(message):
                self._personal_fields[message] = personal
                self._with_personal_data.add(aggregate)
        _register_unique(self.aggregates, aggregate.__name__, aggregate)
        for command in commands:
            _register_unique(self.commands, command.__name__, command)
            self._aggregate_by_message[command] = aggregate
        for event in events:
            name = event.stored_name or event.__name__
            _register_unique(self.events, name, event)
            self._name_by_event[event] = name
            self._aggregate_by_message[event] = aggregate
        if upcasters:
            self.add_upcasters(upcasters)
        prepare_decoders(aggregate, *commands, *events)
        self._readers.clear()

    def add_upcasters(self, upcasters: Upcasters) -> None:
        """Register how events of earlier schema versions are read."""
        for schema_id, step in upcasters.steps.items():
            _register_unique(self._steps, schema_id, step)
        self._readers.clear()

    def reader_for(self, event_type: str, schema_version: int) -> EventReader:
        """Return the reader for events stored under this name and schema version.

        Raises `ProgramTooOld` for a name that no event type of this program has or had.
        """
        reader = self._readers.get((event_type, schema_version))
        if reader is None:
            reader = build_reader(
                EventSchemaId(event_type, schema_version), self._steps, self.events, self.personal_fields_of
            )
            if reader is None:
                raise ProgramTooOld(event_type=event_type, schema_version=schema_version)
            self._readers[event_type, schema_version] = reader
        return reader

    def can_read(self, event_type: str, schema_version: int) -> bool:
        """Whether events of this name and schema version can be read; False also if only a newer release can."""
        try:
            return not self.reader_for(event_type, schema_version).is_newer
        except ProgramTooOld:
            return False

    def upcaster_step(self, schema_id: EventSchemaId) -> UpcasterStep | None:
        """Return the upcaster of a schema version, or None."""
        return self._steps.get(schema_id)

    def upcasters_of(self, aggregate: type[AnyAggregate]) -> list[Upcaster]:
        """Return the upcasters of an aggregate's events."""
        return [
            step.upcast
            for schema_id, step in self._steps.items()
            if self.aggregate_of(self.reader_for(*schema_id).event_class) is aggregate
        ]

    def stored_names(self, event: type[Event]) -> list[str]:
        """Return every stored name of an event type: the current one first, then former ones."""
        former_names = {
            schema_id.event_type for schema_id in self._steps if self.reader_for(*schema_id).event_class is event
        }
        return [self.name_of(event), *sorted(former_names - {self.name_of(event)})]

    def aggregate_of(self, message: type[Command] | type[Event]) -> type[AnyAggregate]:
        try:
            return self._aggregate_by_message[message]
        except KeyError:
            raise UnknownName(name=message.__name__) from None

    def name_of(self, event: type[Event]) -> str:
        try:
            return self._name_by_event[event]
        except KeyError:
            raise UnknownName(name=event.__name__) from None

    def personal_fields_of(self, message: type[Struct]) -> tuple[PersonalField, ...]:
        """Return the fields of a command or event that hold personal data; nearly always none."""
        return self._personal_fields.get(message, ())

    def tells_of_a_person(self, message: type[Struct]) -> bool:
        """Whether a command or event holds personal data other than free texts: then no saga may keep it."""
        return any(not field.free_text for field in self.personal_fields_of(message))

    def aggregate_holds_personal_data(self, aggregate: type[AnyAggregate]) -> bool:
        """Whether any command or event of an aggregate can hold personal data."""
        return aggregate in self._with_personal_data

    def command_involves_personal_data(self, command: type[Command]) -> bool:
        """Whether any command or event of the command's aggregate can hold personal data."""
        return self._aggregate_by_message.get(command) in self._with_personal_data

    def event_class(self, name: str) -> type[Event]:
        return _look_up(self.events, name)

    def command_class(self, name: str) -> type[Command]:
        return _look_up(self.commands, name)

    def aggregate_class(self, name: str) -> type[AnyAggregate]:
        return _look_up(self.aggregates, name)


def declared_messages(aggregate: type[AnyAggregate]) -> tuple[list[type[Command]], list[type[Event]]]:
    """Return the commands and events that an aggregate's declaration lists; raises `RegistryError`."""
    for base in getattr(aggregate, "__orig_bases__", ()):
        if get_origin(base) is Aggregate:
            commands, events = (get_args(union) or (union,) for union in get_args(base))
            return list(commands), list(events)
    raise RegistryError(
        f"{aggregate.__name__}: declare it as Aggregate[Commands, Events]", aggregate=aggregate.__name__
    )


def check_field_types(message: type[Struct]) -> None:
    """Raise `RegistryError` for a field that could hold an inexact number or a time without time zone."""
    for type_ in _walk_types(inspect.type_info(message), set()):
        if isinstance(type_, inspect.FloatType):
            raise RegistryError(
                f"{message.__name__}: a float is not exact, use Decimal or Money", message=message.__name__
            )
        if isinstance(type_, inspect.DateTimeType) and type_.tz is not True:
            raise RegistryError(f"{message.__name__}: a time needs a time zone, use Instant", message=message.__name__)


def _walk_types(type_: inspect.Type, seen: set[type]) -> Iterator[inspect.Type]:
    """Yield a type and every type inside it."""
    yield type_
    inner_types: list[inspect.Type] = []
    if isinstance(type_, inspect.StructType) and type_.cls not in seen:
        seen.add(type_.cls)
        inner_types += [field.type for field in type_.fields]
    inner_types += [
        inner_type for name in ("item_type", "key_type", "value_type") if (inner_type := getattr(type_, name, None))
    ]
    inner_types += [*getattr(type_, "types", ()), *getattr(type_, "item_types", ())]
    for inner_type in inner_types:
        yield from _walk_types(inner_type, seen)


def _register_unique(names: dict[Any, Any], name: Any, value: Any) -> None:
    if names.setdefault(name, value) is not value:
        first, second = (getattr(one, "__qualname__", repr(one)) for one in (names[name], value))
        raise DuplicateName(name=name, first=first, second=second)


def _look_up(names: dict[str, T], name: str) -> T:
    try:
        return names[name]
    except KeyError:
        raise UnknownName(name=repr(name), known=_join_names(names)) from None


def _join_names(names: Iterable[str]) -> str:
    return "; ".join(sorted(names)) or "none"


#: The registry of this program. The plug-ins of the apps name their aggregates.
registry = MessageRegistry()
