"""The snapshot lock file: it detects that a state or its fold changed and `snapshot_version` was not raised.

`schemas/snapshots.lock.json` holds, for each aggregate, the snapshot version, the shape of the state and a fingerprint
of the fold. `check_schemas` compares it with the code; `export_schemas` writes it.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import AnyAggregate, MessageRegistry
from eventshop.eventstore.snapshots.fold_fingerprint import fold_fingerprint
from eventshop.eventstore.snapshots.state_shape import Shape, state_shape

LOCK_FILE_NAME: Final = "snapshots.lock.json"
_ROOT: Final = Path(__file__).resolve().parents[3]


class LockEntry(Struct, frozen=True):
    """The locked snapshot version of one aggregate, with the state and the fold that it stands for."""

    snapshot_version: int
    state: Shape
    fold: str


class LockComparison(NamedTuple):
    """`violations`: changes without a new version, as messages. `unlocked`: aggregates to write to the lock file."""

    violations: list[str]
    unlocked: list[str]


def compare_with_lock(registry: MessageRegistry, folder: Path) -> LockComparison:
    """Compare the aggregates of a registry with the lock file in a folder; raises `RegistryError`."""
    locked = load_lock(folder)
    violations, unlocked = list[str](), list[str]()
    for name, entry in current_entries(registry).items():
        if name not in locked:
            unlocked.append(name)
        elif changed := _changed_parts(locked[name], entry):
            violations += _violations(registry.aggregates[name], locked[name], entry, changed, folder)
            unlocked.append(name)
        elif locked[name] != entry:
            violations += _violations(registry.aggregates[name], locked[name], entry, [], folder)
            unlocked.append(name)
    return LockComparison(violations, unlocked)


def current_entries(registry: MessageRegistry) -> dict[str, LockEntry]:
    """Return the lock entries of all aggregates of a registry, computed from the code."""
    return {
        name: LockEntry(
            aggregate.snapshot_version,
            state_shape(aggregate),
            fold_fingerprint(aggregate, registry.upcasters_of(aggregate)),
        )
        for name, aggregate in sorted(registry.aggregates.items())
    }


def load_lock(folder: Path) -> dict[str, LockEntry]:
    """Read the lock file, empty if there is none; raises `RegistryError` when it cannot be read."""
    path = folder / LOCK_FILE_NAME
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, LockEntry])
    except msgspec.DecodeError as error:
        raise RegistryError(f"{path}: {error}; restore it from version control") from error


def write_lock(registry: MessageRegistry, folder: Path) -> Path:
    """Write the lock file; raises `RegistryError` for a change without a new version."""
    if violations := compare_with_lock(registry, folder).violations:
        raise RegistryError("\n".join(violations))
    path = folder / LOCK_FILE_NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(current_entries(registry)), indent=2) + b"\n")
    return path


def _changed_parts(locked: LockEntry, entry: LockEntry) -> list[str]:
    names = [name for name in locked.state | entry.state if locked.state.get(name) != entry.state.get(name)]
    state = [f"the state ({', '.join(names)})"] if names else []
    return state + (["the fold"] if locked.fold != entry.fold else [])


def _violations(
    aggregate: type[AnyAggregate], locked: LockEntry, entry: LockEntry, changed: list[str], folder: Path
) -> list[str]:
    if entry.snapshot_version > locked.snapshot_version:
        return []
    if entry.snapshot_version == locked.snapshot_version:
        problem = f"{' and '.join(changed)} changed, but snapshot_version is still {locked.snapshot_version}"
    else:
        problem = f"snapshot_version was lowered from {locked.snapshot_version} to {entry.snapshot_version}"
    return [
        f"{aggregate.__name__} ({_source_file(aggregate)}): {problem} in {folder.name}/{LOCK_FILE_NAME}. "
        f"Raise snapshot_version on class {aggregate.__name__} to {locked.snapshot_version + 1}, "
        "then run manage.py export_schemas."
    ]


def _source_file(aggregate: type[AnyAggregate]) -> str:
    path = Path(inspect.getfile(aggregate))
    return str(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)
