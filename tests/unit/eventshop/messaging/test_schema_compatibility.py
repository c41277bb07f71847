"""Each published change gets its verdict, and one that would lose stored events stops the build."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from eventshop.core.message_registry import registry
from eventshop.core.upcasting import EventSchemaId
from eventshop.messaging.serialization.schema_compatibility import describe_changes, schema_changes
from eventshop.messaging.serialization.schema_registry import SCHEMA_FOLDER, PublishedSchema, load_published_schemas


def run_check_schemas(*arguments: str) -> str:
    out = StringIO()
    call_command("check_schemas", *arguments, stdout=out)
    return out.getvalue()


def record(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "eventshop.It", "fields": list(fields), **more}


NAME, AGE = {"name": "name", "type": "string"}, {"name": "age", "type": "long"}


def test_every_published_change_can_be_read() -> None:
    found = {one.old: one for one in schema_changes(load_published_schemas(), registry)}
    assert all(one.is_backward_compatible for one in found.values())
    added, split, renamed = (
        found[EventSchemaId(name, 1)] for name in ("OrderCreated", "OrderShipped", "RestrictionLifted")
    )
    assert (added.upcaster, added.forward_problems) == ("", [])
    assert (split.upcaster, split.new) == ("carrier_was_one_text", EventSchemaId("OrderShipped", 2))
    assert renamed.new == EventSchemaId("ProcessingResumed", 1)
    assert renamed.forward_problems == ["old code does not know ProcessingResumed"]
    run_check_schemas()


def test_a_change_that_needs_an_upcaster_and_has_none_is_refused(tmp_path: Path) -> None:
    folder = copytree(SCHEMA_FOLDER, tmp_path / "schemas")
    old = json.loads((folder / "OrderDelivered.v1.avsc").read_text())
    old["fields"] = [field for field in old["fields"] if field["name"] != "received_by"]
    (folder / "OrderDelivered.v1.avsc").write_text(json.dumps(old))
    with pytest.raises(CommandError, match=r": OrderDelivered 1\.$"):
        run_check_schemas("--folder", str(folder))


def test_a_type_that_nothing_reads_any_more_is_refused(tmp_path: Path) -> None:
    folder = copytree(SCHEMA_FOLDER, tmp_path / "schemas")
    (folder / "OrderForgotten.v1.avsc").write_text((folder / "OrderShipped.v1.avsc").read_text())
    with pytest.raises(CommandError, match=r": OrderForgotten 1\.$"):
        run_check_schemas("--folder", str(folder))


def test_a_shape_that_is_not_published_yet_is_named(tmp_path: Path) -> None:
    folder = copytree(SCHEMA_FOLDER, tmp_path / "schemas")
    (folder / "OrderShipped.v4.avsc").unlink()
    with pytest.raises(CommandError, match=r"OrderShipped\.v4\.avsc.*export_schemas"):
        run_check_schemas("--folder", str(folder))


def test_old_programs_cannot_read_a_field_that_is_gone() -> None:
    items = [PublishedSchema("OrderShipped", 1, record(NAME, AGE)), PublishedSchema("OrderShipped", 2, record(NAME))]
    [verdict] = schema_changes(items, registry)
    assert verdict.is_backward_compatible
    assert any("age" in why for why in verdict.forward_problems)


def test_changes_are_said_in_words() -> None:
    default = NAME | {"name": "note", "default": ""}
    assert describe_changes(record(NAME), record(NAME, AGE, default)) == "age added, note added with default"
    assert describe_changes(record(NAME, AGE), record(AGE | {"type": "string"})) == "age changed, name removed"
    assert describe_changes(record(NAME), record(NAME, personal=["name"])) == "name encrypted"
    assert describe_changes(record(NAME), record(NAME)) == "meaning only"
