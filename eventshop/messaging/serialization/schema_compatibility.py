"""What each published change of an event means: can today's program read what was, and yesterday's what is now?"""

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
    """One change from a published shape to the next."""

    old: EventSchemaId
    new: EventSchemaId
    change: str  # changed
    upcaster: str  # its name; empty: none
    backward_problems: list[str]  # why new readers cannot have old events; empty: they can
    forward_problems: list[str]  # why old readers cannot have new events; empty: they can

    @property
    def is_backward_compatible(self) -> bool:
        """Whether what is stored can be read. That old programs can read on is good to know, and no must."""
        return not self.backward_problems


def schema_changes(items: Iterable[PublishedSchema], registry: MessageRegistry) -> Iterator[SchemaChange]:
    """Every change between published shapes, renames included, by name and version."""
    schemas = {EventSchemaId(item.event_type, item.schema_version): item.schema for item in items}
    for old in sorted(schemas):
        step = registry.upcaster_step(old)
        new = step.to if step else EventSchemaId(old.event_type, old.schema_version + 1)
        if new not in schemas:
            if not registry.can_read(*old):
                yield SchemaChange(old, old, "no longer known", "", ["nothing reads this type any more"], [])
            continue
        renamed = old.event_type != new.event_type
        yield SchemaChange(
            old,
            new,
            "renamed" if renamed else describe_changes(schemas[old], schemas[new]),
            step.upcast.__name__ if step else "",
            [] if step else find_incompatibilities(schemas[new], schemas[old]),
            [f"they know no {new.event_type}"] if renamed else find_incompatibilities(schemas[old], schemas[new]),
        )


def describe_changes(old: Schema, new: Schema) -> str:
    """In words, what differs between two versions of a record's fields."""
    before, after = ({field["name"]: field for field in schema["fields"]} for schema in (old, new))
    words = [f"{name} added" + (" with default" if "default" in after[name] else "") for name in after.keys() - before]
    words += [f"{name} removed" for name in before.keys() - after]
    words += [f"{name} changed" for name in before.keys() & after if before[name]["type"] != after[name]["type"]]
    words += [
        f"{name} encrypted" for name in set(new.get("personal", ())) - set(old.get("personal", ())) & before.keys()
    ]
    return ", ".join(sorted(words)) or "meaning only"


def find_incompatibilities(reader: Schema, writer: Schema) -> list[str]:
    """Why the reader cannot have what the writer wrote, or would take it for something else."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    why = [] if found.compatibility is SchemaCompatibilityType.compatible else sorted(found.messages)
    means, meant = dict(_logical_types(reader, "$")), dict(_logical_types(writer, "$"))
    return why + [
        f"{path}: {meant[path]} is read as {means[path]}"
        for path in means.keys() & meant.keys()
        if means[path] != meant[path]
    ]


def _logical_types(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """What every string of a schema stands for: Avro's own rules look past it."""
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
