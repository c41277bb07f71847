"""The catalogue of messages: each event, command, saga and projection with its fields, versions, senders and hearers.

It is read from the registries of the program and from the published schemas; nobody writes it. What a page shows and
what the AsyncAPI document says comes from here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec

from eventshop.core.errors import ProgramTooOld
from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Event
from eventshop.core.serialization import decode_event, upcast_event
from eventshop.messaging.serialization.schema_compatibility import SchemaChange, schema_changes
from eventshop.messaging.serialization.schema_registry import load_published_schemas
from eventshop.projections.projection import projection_registry
from eventshop.sagas.saga_registry import AnySaga, messages_handled_by, saga_registry

#: Where one component of a JSON Schema refers to another.
REF: Final = "#/components/schemas/{name}"


class MessageField(NamedTuple):
    """A field of a message. `personal` says for which purpose its value is encrypted; empty if it is not personal."""

    name: str
    type: str
    is_required: bool
    personal: str


class Message(NamedTuple):
    """An event or a command by its stored name."""

    name: str
    aggregate: str
    about: str
    message_class: type[Event] | type[Command]

    @property
    def schema_version(self) -> int:
        """The version of an event's fields; commands have none."""
        return getattr(self.message_class, "schema_version", 0)


def events() -> list[Message]:
    """Every event of the program by name."""
    return [_message(name, event) for name, event in sorted(registry.events.items())]


def commands() -> list[Message]:
    """Every command of the program by name."""
    return [_message(name, command) for name, command in sorted(registry.commands.items())]


def sagas() -> list[AnySaga]:
    """The newest version of every saga by kind."""
    return [saga_registry.newest_version(kind) for kind in sorted(saga_registry.versions_by_kind)]


def _message(name: str, message_class: type[Event] | type[Command]) -> Message:
    return Message(name, registry.aggregate_of(message_class).__name__, about(message_class), message_class)


def about(documented: Any) -> str:
    """What a class says of itself."""
    return inspect.cleandoc(documented.__doc__ or "")


def json_schemas(*types: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """The JSON Schemas of these messages and of all types inside them, by name."""
    return msgspec.json.schema_components(list(types), ref_template=REF)[1]


def json_schema(message: Message) -> dict[str, Any]:
    """The JSON Schema of one message, with the types inside it as `components`."""
    schemas = json_schemas(message.message_class)
    schema = schemas.pop(message.message_class.__name__)
    return schema | ({"components": {"schemas": schemas}} if schemas else {})


def fields_of(message: Message) -> list[MessageField]:
    """The fields of a message, in the order of their declaration."""
    schema = json_schema(message)
    personal = {field.name: field.purpose for field in registry.personal_fields_of(message.message_class)}
    return [
        MessageField(name, describe_type(kind), name in schema.get("required", ()), personal.get(name, ""))
        for name, kind in schema.get("properties", {}).items()
    ]


def describe_type(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words: `list of Line`, `text (uuid) or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(describe_type(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(f"“{value}”" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        inner: Any = schema.get("items") or next(iter(schema.get("prefixItems", ())), {})
        return f"list of {describe_type(inner)}" if isinstance(inner, dict) and inner else "list"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{describe_type(schema['additionalProperties'])} by name"
    kind = {"string": "text", "integer": "whole number"}.get(schema.get("type", ""), schema.get("type", "any"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


@cache
def _changes() -> list[SchemaChange]:
    return list(schema_changes(load_published_schemas(), registry))


def versions_of(event: Message) -> list[SchemaChange]:
    """How the fields of an event changed from one published version to the next, oldest first."""
    names = set(registry.stored_names(event.message_class))  # type: ignore[arg-type]
    return [change for change in _changes() if change.new.event_type in names]


def sagas_hearing(event: Message) -> list[str]:
    """The kinds of sagas that an event is delivered to."""
    return sorted(saga_registry.kinds_handling(event.message_class))  # type: ignore[arg-type]


def projections_hearing(event: Message) -> list[str]:
    """The projections whose rows an event changes."""
    return sorted(one.name for one in projection_registry.select([]) if event.message_class in one.handlers)


def sagas_sending(command: Message) -> list[str]:
    """The kinds of sagas that name a command: their module imports it, and imports only what it uses."""
    return [saga.kind for saga in sagas() if command in commands_of(saga)]


def events_of(saga: AnySaga) -> list[Message]:
    """The events that a saga hears."""
    heard = messages_handled_by(saga)
    return [event for event in events() if event.message_class in heard]


def commands_of(saga: AnySaga) -> list[Message]:
    """The commands that a saga names."""
    named = list(_values(sys.modules[saga.__module__]))
    return [command for command in commands() if command.message_class in named]


def _values(module: Any) -> Iterator[type]:
    return (value for value in vars(module).values() if isinstance(value, type))


def check_payload(name: str, schema_version: int, text: str) -> Event:
    """Read a payload as a stored event of that version would be read, every personal field in clear.

    Raises `ProgramTooOld` for an unknown event or version, and `BrokenStream` with the path of what does not fit.
    """
    reader = registry.reader_for(name, schema_version)
    if reader.is_newer:
        raise ProgramTooOld(event_type=name, schema_version=schema_version)
    if reader.upcasters:
        return upcast_event(reader.event_class, reader.upcasters, text)
    return decode_event(reader.event_class, text)
