"""The schema files are the code's own shapes, and every version of an event can be read by every other one's reader."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import StringIO
from itertools import groupby, permutations
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import fastavro
import pytest
from avro.schema import parse
from django.core.management import CommandError, call_command

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import MessageRegistry, registry
from eventshop.core.messages import Command, Event, Instant, NonEmptyText
from eventshop.core.money import Money
from eventshop.messaging.serialization.schema_compatibility import find_incompatibilities
from eventshop.messaging.serialization.schema_registry import (
    PublishedSchema,
    Schema,
    avro_schema,
    current_schemas,
    find_unpublished_schemas,
    load_published_schemas,
    schema_fingerprint,
    write_schemas,
)
from orders.domain.events import OrderShipped


class Colour(enum.Enum):
    RED = "red"


class Part(Event, frozen=True):
    code: NonEmptyText


class Everything(Event, frozen=True):
    """One field of every kind an event may have."""

    id: UUID
    other: UUID | None
    name: NonEmptyText
    price: Money
    due: Money | None
    weight: Decimal
    at: Instant
    day: date
    count: int
    ready: bool
    colour: Colour
    size: Literal["s", "m"]
    parts: tuple[Part, ...]
    more: list[Part]
    context: dict[str, str]
    note: str | None = None
    tries: int = 1


class Do(Command, frozen=True):
    """Nothing."""


class Thing(Aggregate[Do, Everything], frozen=True):
    """Something that happens."""


class Bad(Event, frozen=True):
    raw: bytes


def things() -> MessageRegistry:
    made = MessageRegistry()
    made.add(Thing)
    return made


def export(*arguments: str) -> str:
    out = StringIO()
    call_command("export_schemas", *arguments, stdout=out)
    return out.getvalue()


# --- the files and the code --------------------------------------------------------------------------------------


def test_every_registered_event_has_its_schema_file() -> None:
    assert find_unpublished_schemas(registry) == []
    released = {item.file_name: item.schema for item in load_published_schemas()}
    for item in current_schemas(registry):
        assert released[item.file_name] == item.schema


def test_every_kind_of_field_has_its_avro_type() -> None:
    uuid = {"type": "string", "logicalType": "uuid"}
    decimal = {"type": "string", "eventshop": "decimal"}
    fields = {field["name"]: field for field in avro_schema(Everything, "Everything")["fields"]}
    assert {name: field["type"] for name, field in fields.items()} == {
        "id": uuid,
        "other": ["null", uuid],
        "name": "string",
        "price": {
            "type": "record",
            "name": "eventshop.Money",
            "fields": [{"name": "amount", "type": decimal}, {"name": "currency", "type": "string"}],
        },
        "due": ["null", "eventshop.Money"],
        "weight": decimal,
        "at": {"type": "string", "eventshop": "datetime"},
        "day": {"type": "string", "eventshop": "date"},
        "count": "long",
        "ready": "boolean",
        "colour": "string",
        "size": "string",
        "parts": {
            "type": "array",
            "items": {"type": "record", "name": "eventshop.Part", "fields": [{"name": "code", "type": "string"}]},
        },
        "more": {"type": "array", "items": "eventshop.Part"},
        "context": {"type": "map", "values": "string"},
        "note": ["null", "string"],
        "tries": "long",
    }
    assert {name: field["default"] for name, field in fields.items() if "default" in field} == {
        "note": None,
        "tries": 1,
    }
    fastavro.parse_schema(avro_schema(Everything, "Everything"))
    parse(json.dumps(avro_schema(Everything, "Everything")))


def test_a_field_without_an_avro_type_is_refused_by_name() -> None:
    with pytest.raises(RegistryError, match=r"\bBytesType\b"):
        avro_schema(Bad, "Bad")


def test_the_identity_sees_what_avros_own_fingerprint_does_not() -> None:
    """Two schemas that differ in a default or in what a string means must never be taken for each other."""
    schema = avro_schema(Everything, "Everything")
    for old, new in (
        ('"default": 1', '"default": 2'),
        ('"eventshop": "decimal"', '"eventshop": "date"'),
        ('"logicalType": "uuid"', '"logicalType": "other"'),
    ):
        changed = json.loads(json.dumps(schema).replace(old, new))
        assert fastavro.schema.to_parsing_canonical_form(changed) == fastavro.schema.to_parsing_canonical_form(schema)
        assert schema_fingerprint(changed) != schema_fingerprint(schema)
    assert schema_fingerprint(json.loads(json.dumps(schema, sort_keys=True))) == schema_fingerprint(schema)


def test_the_start_of_the_identity_tells_all_published_schemas_apart() -> None:
    names = [schema_fingerprint(item.schema)[:8] for item in load_published_schemas()]
    assert len(set(names)) == len(names)


# --- the command -------------------------------------------------------------------------------------------------


def test_export_writes_what_is_missing_and_only_that(tmp_path: Path) -> None:
    first = next(current_schemas(registry)).file_name
    write_schemas((item for item in load_published_schemas() if item.file_name != first), tmp_path)
    with pytest.raises(CommandError, match=f"{re.escape(first)}.*export_schemas"):
        export("--check", "--folder", str(tmp_path))
    assert not (tmp_path / first).exists()
    assert first in export("--folder", str(tmp_path))
    assert {path.name: path.read_text() for path in tmp_path.glob("*.avsc")} == {
        path.name: path.read_text() for path in Path("schemas").glob("*.avsc")
    }
    export("--check", "--folder", str(tmp_path))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert first not in export("--folder", str(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_the_repositorys_own_schema_files_are_complete() -> None:
    export("--check")


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_a_shape_that_changed_without_a_new_version_is_refused_by_name(tmp_path: Path, option: list[str]) -> None:
    write_schemas(current_schemas(registry), tmp_path)
    path = tmp_path / f"OrderShipped.v{OrderShipped.schema_version}.avsc"
    path.write_text(path.read_text().replace('"tracking"', '"parcel"'))
    with pytest.raises(CommandError, match=r"OrderShipped .*\bschema_version\b"):
        export(*option, "--folder", str(tmp_path))


def test_a_changed_shape_with_a_new_version_gets_a_file_of_its_own(tmp_path: Path) -> None:
    write_schemas(current_schemas(things()), tmp_path)
    [item] = current_schemas(things())
    write_schemas([item._replace(schema_version=0)], tmp_path)
    assert find_unpublished_schemas(things(), tmp_path) == []
    (tmp_path / item.file_name).unlink()
    assert find_unpublished_schemas(things(), tmp_path) == [item]


# --- every version with every other ------------------------------------------------------------------------------


def versions() -> Iterator[tuple[PublishedSchema, PublishedSchema]]:
    for _, items in groupby(load_published_schemas(), key=lambda item: item.event_type):
        yield from permutations(items, 2)


def test_every_published_version_of_an_event_reads_every_other() -> None:
    for reader, writer in versions():
        assert find_incompatibilities(reader.schema, writer.schema) == [], (
            f"{reader.file_name} reads {writer.file_name}"
        )


def record(*fields: dict[str, Any]) -> Schema:
    return {"type": "record", "name": "eventshop.It", "fields": list(fields)}


AMOUNT = {"name": "amount", "type": {"type": "string", "eventshop": "decimal"}}


def test_the_check_allows_a_field_with_a_default_and_refuses_the_rest() -> None:
    old = record(AMOUNT)
    more = record(AMOUNT, {"name": "note", "type": ["null", "string"], "default": None})
    assert find_incompatibilities(old, more) == find_incompatibilities(more, old) == []
    for changed in (
        record(AMOUNT, {"name": "note", "type": "string"}),
        record({"name": "amount", "type": "long"}),
        record({"name": "amount", "type": {"type": "string", "eventshop": "date"}}),
        record({"name": "amount", "type": "string"}),
    ):
        assert find_incompatibilities(changed, old)
