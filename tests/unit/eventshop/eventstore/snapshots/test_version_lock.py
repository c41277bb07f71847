"""A state or fold that changed under an unchanged snapshot version stops the build, and says what to do."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import registry
from eventshop.eventstore.snapshots.version_lock import LOCK_FILE_NAME, compare_with_lock, load_lock, write_lock
from eventshop.messaging.serialization.schema_registry import SCHEMA_FOLDER
from tests.support.command_output import numbers_in
from tests.unit.eventshop.eventstore.snapshots.lamp_domain import LampDomain, lamp_domain

__all__ = ["lamp_domain"]

NEW_FOLD = ("(self.turns or 0) + 1", "(self.turns or 0) + 2")
NEW_FIELD = ("    turns: int | None = None", "    turns: int | None = None\n    broken: bool = False")
NEW_TYPE = ("level: int = 0", "level: float = 0")


def version(number: int) -> tuple[str, str]:
    return (
        "    light: Light = Light()\n",
        f"    snapshot_version: ClassVar[int] = {number}\n    light: Light = Light()\n",
    )


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


# --- the lock file and the code ----------------------------------------------------------------------------------


def test_a_locked_aggregate_that_did_not_change_passes(lamp_domain: LampDomain, tmp_path: Path) -> None:
    write_lock(lamp_domain.load().lamps, tmp_path)
    assert compare_with_lock(lamp_domain.load().lamps, tmp_path) == ([], [])
    comment = ("BRIGHTEST: Final = 10", "BRIGHTEST: Final = 10  # at most")
    assert compare_with_lock(lamp_domain.load(comment).lamps, tmp_path) == ([], [])


def test_an_aggregate_without_a_lock_is_written(lamp_domain: LampDomain, tmp_path: Path) -> None:
    lamps = lamp_domain.load().lamps
    assert compare_with_lock(lamps, tmp_path) == ([], ["Lamp"])
    assert write_lock(lamps, tmp_path).name == LOCK_FILE_NAME
    entry = load_lock(tmp_path)["Lamp"]
    assert (entry.snapshot_version, len(entry.fold)) == (1, 64)
    assert entry.state["Lamp"] == {"light": "Light", "turns": "int | None"}


@pytest.mark.parametrize(
    ("change", "states"),
    [
        (NEW_FOLD, set()),
        (NEW_FIELD, {"Lamp"}),
        (NEW_TYPE, {"Light"}),
    ],
)
def test_a_change_without_a_new_version_is_refused(
    lamp_domain: LampDomain, tmp_path: Path, change: tuple[str, str], states: set[str]
) -> None:
    write_lock(lamp_domain.load().lamps, tmp_path)
    changed = lamp_domain.load(change)
    [message] = compare_with_lock(changed.lamps, tmp_path).violations
    what, _, remedy = message.removeprefix(f"Lamp ({changed.__file__})").partition(f"{tmp_path.name}/{LOCK_FILE_NAME}")
    assert message.startswith("Lamp (") and set(re.findall(r"\((\w+)\)", what)) == states
    assert ("snapshot_version" in what, numbers_in(what)) == (True, [1])
    assert ("Lamp" in remedy, numbers_in(remedy)) == (True, [2])
    assert "manage.py export_schemas" in remedy
    with pytest.raises(RegistryError, match=r"\bsnapshot_version\b.*\bLamp\b.*\b2\b"):
        write_lock(changed.lamps, tmp_path)


def test_a_change_with_a_new_version_is_locked_and_passes(lamp_domain: LampDomain, tmp_path: Path) -> None:
    write_lock(lamp_domain.load().lamps, tmp_path)
    raised = lamp_domain.load(NEW_FOLD, NEW_FIELD, version(2)).lamps
    assert compare_with_lock(raised, tmp_path) == ([], ["Lamp"])
    write_lock(raised, tmp_path)
    assert compare_with_lock(raised, tmp_path) == ([], [])
    assert load_lock(tmp_path)["Lamp"].snapshot_version == 2


def test_a_version_is_never_lowered(lamp_domain: LampDomain, tmp_path: Path) -> None:
    write_lock(lamp_domain.load(version(3)).lamps, tmp_path)
    [message] = compare_with_lock(lamp_domain.load(version(2)).lamps, tmp_path).violations
    assert ("snapshot_version" in message, numbers_in(message)) == (True, [3, 2, 4])  # from, to, the next one


def test_a_damaged_lock_file_is_refused(lamp_domain: LampDomain, tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE_NAME).write_text("<<<<<<< HEAD")
    with pytest.raises(RegistryError, match=r"snapshots\.lock\.json"):
        compare_with_lock(lamp_domain.load().lamps, tmp_path)


# --- the commands ------------------------------------------------------------------------------------------------


def copy_with_lock(tmp_path: Path, name: str, **values: Any) -> Path:
    """A copy of the schema folder in which the lock entry of an aggregate has other values."""
    folder = copytree(SCHEMA_FOLDER, tmp_path / "schemas")
    lock = json.loads((folder / LOCK_FILE_NAME).read_text())
    lock[name] |= values
    (folder / LOCK_FILE_NAME).write_text(json.dumps(lock))
    return folder


def test_the_repositorys_own_lock_file_is_current() -> None:
    run("check_schemas")
    assert compare_with_lock(registry, SCHEMA_FOLDER) == ([], [])


@pytest.mark.parametrize("command", ["check_schemas", "export_schemas"])
def test_the_commands_name_aggregate_and_file(tmp_path: Path, command: str) -> None:
    folder = copy_with_lock(tmp_path, "Order", fold="0" * 64)
    before = (folder / LOCK_FILE_NAME).read_bytes()
    with pytest.raises(CommandError) as raised:
        run(command, "--folder", str(folder))
    message = str(raised.value)
    assert message.startswith("Order (orders/domain/order.py)")
    still, next_version = numbers_in(message)
    assert ("snapshot_version" in message, next_version) == (True, still + 1)
    assert (folder / LOCK_FILE_NAME).read_bytes() == before


def test_a_raised_version_is_exported(tmp_path: Path) -> None:
    folder = copy_with_lock(tmp_path, "Order", fold="0" * 64, snapshot_version=0)
    with pytest.raises(CommandError, match=r"snapshots\.lock\.json .*\(Order\).*export_schemas"):
        run("check_schemas", "--folder", str(folder))
    with pytest.raises(CommandError, match=r"snapshots\.lock\.json .*\(Order\).*export_schemas"):
        run("export_schemas", "--check", "--folder", str(folder))
    [written] = run("export_schemas", "--folder", str(folder)).splitlines()
    assert LOCK_FILE_NAME in written
    assert (folder / LOCK_FILE_NAME).read_bytes() == (SCHEMA_FOLDER / LOCK_FILE_NAME).read_bytes()
    run("check_schemas", "--folder", str(folder))
