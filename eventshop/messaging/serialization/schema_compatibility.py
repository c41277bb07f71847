"""What each published change of an event means: can today's program read what was, and yesterday's what is now?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from eventshop.core.message_registry import Registry
from eventshop.core.upcasting import Shape
from eventshop.messaging.serialization.schema_registry import Published, Schema


class Verdict(NamedTuple):
    """One change from a published shape to the next."""

    old: Shape
    new: Shape
    what: str  # changed
    upcaster: str  # its name; empty: none
    why_not_old: list[str]  # why new readers cannot have old events; empty: they can
    why_not_new: list[str]  # why old readers cannot have new events; empty: they can

    @property
    def good(self) -> bool:
        """Whether what is stored can be read. That old programs can read on is good to know, and no must."""
        return not self.why_not_old


def verdicts(items: Iterable[Published], registry: Registry) -> Iterator[Verdict]:
    """Every change between published shapes, renames included, by name and version."""
    schemas = {Shape(item.event_type, item.schema_version): item.schema for item in items}
    for old in sorted(schemas):
        step = registry.step(old)
        new = step.to if step else Shape(old.event_type, old.schema_version + 1)
        if new not in schemas:
            if not registry.knows(*old):
                yield Verdict(old, old, "no longer known", "", ["nothing reads this type any more"], [])
            continue
        renamed = old.event_type != new.event_type
        yield Verdict(
            old,
            new,
            "renamed" if renamed else changes(schemas[old], schemas[new]),
            step.upcast.__name__ if step else "",
            [] if step else incompatible(schemas[new], schemas[old]),
            [f"they know no {new.event_type}"] if renamed else incompatible(schemas[old], schemas[new]),
        )


def changes(old: Schema, new: Schema) -> str:
    """In words, what differs between two versions of a record's fields."""
    before, after = ({field["name"]: field for field in schema["fields"]} for schema in (old, new))
    words = [f"{name} added" + (" with default" if "default" in after[name] else "") for name in after.keys() - before]
    words += [f"{name} removed" for name in before.keys() - after]
    words += [f"{name} changed" for name in before.keys() & after if before[name]["type"] != after[name]["type"]]
    words += [
        f"{name} encrypted" for name in set(new.get("personal", ())) - set(old.get("personal", ())) & before.keys()
    ]
    return ", ".join(sorted(words)) or "meaning only"


def incompatible(reader: Schema, writer: Schema) -> list[str]:
    """Why the reader cannot have what the writer wrote, or would take it for something else."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    why = [] if found.compatibility is SchemaCompatibilityType.compatible else sorted(found.messages)
    means, meant = dict(_meanings(reader, "$")), dict(_meanings(writer, "$"))
    return why + [
        f"{path}: {meant[path]} is read as {means[path]}"
        for path in means.keys() & meant.keys()
        if means[path] != meant[path]
    ]


def _meanings(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """What every string of a schema stands for: Avro's own rules look past it."""
    match schema:
        case {"type": "record", "fields": fields}:
            for field in fields:
                yield from _meanings(field["type"], f"{path}.{field['name']}")
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from _meanings(inner, f"{path}[]")
        case {"type": str()}:
            yield path, schema.get("logicalType") or schema.get("eventshop") or schema["type"]
        case list():
            for inner in schema:
                if inner != "null":
                    yield from _meanings(inner, path)
        case str():
            yield path, schema
