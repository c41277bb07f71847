"""Checks the changes of published event schemas: new code must read old events, and old code should read new ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.upcasting import EventSchemaId
from eventshop.messaging.serialization.schema_registry import PublishedSchema, Schema


class SchemaChange(NamedTuple):
    """A change from one published schema of an event to the next."""

    old: EventSchemaId
    new: EventSchemaId
    change: str  # in words
    upcaster: str  # the function's name, or empty
    backward_problems: list[str]  # why new code cannot read old events
    forward_problems: list[str]  # why old code cannot read new events

    @property
    def is_backward_compatible(self) -> bool:
        """Whether stored events can be read. Forward compatibility is reported, but not required."""
        return not self.backward_problems


def schema_changes(published: Iterable[PublishedSchema], registry: MessageRegistry) -> Iterator[SchemaChange]:
    """Yield every change between published schemas, including renames, in order of name and version."""
    schemas = {EventSchemaId(item.event_type, item.schema_version): item.schema for item in published}
    for old in sorted(schemas):
        step = registry.upcaster_step(old)
        new = step.to if step else EventSchemaId(old.event_type, old.schema_version + 1)
        if new not in schemas:
            if not registry.can_read(*old):
                yield SchemaChange(old, old, "no longer known", "", ["no code reads this event type any more"], [])
            continue
        renamed = old.event_type != new.event_type
        yield SchemaChange(
            old,
            new,
            "renamed" if renamed else describe_changes(schemas[old], schemas[new]),
            step.upcast.__name__ if step else "",
            [] if step else find_incompatibilities(schemas[new], schemas[old]),
            [f"old code does not know {new.event_type}"]
            if renamed
            else find_incompatibilities(schemas[old], schemas[new]),
        )


def describe_changes(old: Schema, new: Schema) -> str:
    """Describe in words how the fields of two versions differ."""
    before, after = ({field["name"]: field for field in schema["fields"]} for schema in (old, new))
    texts = [f"{name} added" + (" with default" if "default" in after[name] else "") for name in after.keys() - before]
    texts += [f"{name} removed" for name in before.keys() - after]
    texts += [f"{name} changed" for name in before.keys() & after if before[name]["type"] != after[name]["type"]]
    texts += [
        f"{name} encrypted" for name in set(new.get("personal", ())) - set(old.get("personal", ())) & before.keys()
    ]
    return ", ".join(sorted(texts)) or "meaning only"


def find_incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """List why the reader schema cannot read what the writer schema wrote, or would interpret it differently."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    problems = [] if result.compatibility is SchemaCompatibilityType.compatible else sorted(result.messages)
    read_as, written_as = dict(_logical_types(reader, "$")), dict(_logical_types(writer, "$"))
    return problems + [
        f"{path}: {written_as[path]} is read as {read_as[path]}"
        for path in read_as.keys() & written_as.keys()
        if read_as[path] != written_as[path]
    ]


def _logical_types(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and logical type of every field: Avro's own compatibility rules ignore logical types."""
    match schema:
        case {"type": "record", "fields": fields}:
            for field in fields:
                yield from _logical_types(field["type"], f"{path}.{field['name']}")
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from _logical_types(inner, f"{path}[]")
        case {"type": str()}:
            yield path, schema.get("logicalType") or schema.get("eventshop") or schema["type"]
        case list():
            for inner in schema:
                if inner != "null":
                    yield from _logical_types(inner, path)
        case str():
            yield path, schema
