"""Generates Avro schemas from event types, and manages the published schemas in the folder `schemas/`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from msgspec import inspect

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Event
from eventshop.core.personal_fields import personal_fields

Schema: TypeAlias = Any

#: The published schemas: one file per event type and schema version. Never change a released one.
SCHEMA_FOLDER: Final = Path(__file__).resolve().parents[3] / "schemas"
NAMESPACE: Final = "eventshop"

#: The schema of the envelope around each event on Kafka, in `SCHEMA_FOLDER`, and its fingerprint.
#: Source: Avro event format of CloudEvents 1.0.2.
ENVELOPE: Final = "envelope/CloudEvent.avsc"
_ENVELOPE_FINGERPRINT: Final = "22eead954e40751e16338bedc28be74b713aa8bd3d5cfdb18ca3d68f933ecf78"


class PublishedSchema(NamedTuple):
    """One released schema."""

    event_type: str
    schema_version: int
    schema: Schema

    @property
    def file_name(self) -> str:
        return f"{self.event_type}.v{self.schema_version}.avsc"


def avro_schema(event: type[Event], name: str) -> Schema:
    """Generate the Avro record of an event type. Decimals and times are strings, which keep their scale and offset.

    A personal field is a string, because only its ciphertext is published. The attribute `personal` lists these fields:
    readers need them, and a field that becomes personal changes the schema.
    """
    record = _avro_type(inspect.type_info(event), name, set())
    personal = [field.name for field in personal_fields(event)]
    for field in record["fields"]:
        if field["name"] in personal:
            field["type"] = "string"
    return {**record, "personal": personal} if personal else record


def schema_fingerprint(schema: Schema) -> bytes:
    """SHA-256 of the sorted JSON. Unlike Avro's Parsing Canonical Form it covers defaults and logical types."""
    return sha256(json.dumps(schema, sort_keys=True, separators=(",", ":")).encode()).digest()


def load_envelope_schema(folder: Path = SCHEMA_FOLDER) -> Schema:
    """Load the schema of the envelope; raises `RegistryError` if it changed: records on Kafka are written with it."""
    schema = json.loads((folder / ENVELOPE).read_text())
    if schema_fingerprint(schema).hex() != _ENVELOPE_FINGERPRINT:
        raise RegistryError(f"{ENVELOPE} is not the published schema; restore it", file=ENVELOPE)
    return schema


def current_schemas(registry: MessageRegistry) -> Iterator[PublishedSchema]:
    """Yield the schema of every registered event, generated from the code."""
    for name, event in sorted(registry.events.items()):
        yield PublishedSchema(name, event.schema_version, avro_schema(event, name))


def load_published_schemas(folder: Path = SCHEMA_FOLDER) -> Iterator[PublishedSchema]:
    """Yield every released schema in order of name and version."""
    for path in sorted(folder.glob("*.avsc")):
        name, version, _ = path.name.rsplit(".", 2)
        yield PublishedSchema(name, int(version.removeprefix("v")), json.loads(path.read_text()))


def find_unpublished_schemas(registry: MessageRegistry, folder: Path = SCHEMA_FOLDER) -> list[PublishedSchema]:
    """Return the current schemas without a file; raises `RegistryError` for a change without a new schema version."""
    released_schemas = {(schema.event_type, schema.schema_version): schema for schema in load_published_schemas(folder)}
    unpublished = []
    for current in current_schemas(registry):
        released = released_schemas.get((current.event_type, current.schema_version))
        if released is None:
            unpublished.append(current)
        elif schema_fingerprint(released.schema) != schema_fingerprint(current.schema):
            raise RegistryError(
                f"{current.event_type} no longer has the shape of its released schema; raise its schema_version",
                file=current.file_name,
            )
    return unpublished


def write_schemas(schemas: Iterable[PublishedSchema], folder: Path = SCHEMA_FOLDER) -> list[Path]:
    """Write the schema files; return their paths."""
    folder.mkdir(exist_ok=True)
    paths = []
    for published in schemas:
        path = folder / published.file_name
        path.write_text(json.dumps(published.schema, indent=2) + "\n")
        paths.append(path)
    return paths


def _avro_type(kind: inspect.Type, name: str, named: set[str]) -> Schema:
    match kind:
        case inspect.StructType():
            return _avro_record(kind, name or kind.cls.__name__, named)
        case inspect.UnionType(types=types):
            return _avro_union([_avro_type(inner, "", named) for inner in types])
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return {"type": "array", "items": _avro_type(item, "", named)}
        case inspect.DictType(value_type=value):
            return {"type": "map", "values": _avro_type(value, "", named)}
        case inspect.UUIDType():
            return {"type": "string", "logicalType": "uuid"}
        case inspect.DecimalType() | inspect.DateTimeType() | inspect.DateType():
            return {"type": "string", "eventshop": type(kind).__name__.removesuffix("Type").lower()}
        case inspect.StrType() | inspect.EnumType() | inspect.LiteralType():
            return "string"
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "long"
        case inspect.NoneType():
            return "null"
        case _:
            raise RegistryError(f"no Avro type is defined for {type(kind).__name__}")


def _avro_record(kind: inspect.StructType, name: str, named: set[str]) -> Schema:
    full_name = f"{NAMESPACE}.{name}"
    if full_name in named:
        return full_name
    named.add(full_name)
    return {"type": "record", "name": full_name, "fields": [_avro_field(field, named) for field in kind.fields]}


def _avro_field(field: inspect.Field, named: set[str]) -> Schema:
    schema: dict[str, Any] = {"name": field.encode_name, "type": _avro_type(field.type, "", named)}
    if not field.required and isinstance(field.default, str | int | bool | None):
        schema["default"] = field.default
        if field.default is None and isinstance(schema["type"], list):
            schema["type"] = _avro_union(schema["type"])
    elif not field.required and field.default == ():
        schema["default"] = []
    return schema


def _avro_union(types: list[Schema]) -> list[Schema]:
    """Put null first: the default of an Avro union must belong to its first type."""
    return sorted(types, key=lambda inner: inner != "null")
