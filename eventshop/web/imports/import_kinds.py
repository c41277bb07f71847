"""The kinds of files that can be imported over the API; each app's plug-in adds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from eventshop.core.errors import DuplicateName


class ImportTally(Struct):
    """What became of the rows of a file so far; each is counted once."""

    rows: int = 0
    stored: int = 0
    already_there: int = 0
    refused: int = 0
    held_back: int = 0
    events: int = 0


class ImportOrder(Struct, frozen=True):
    """How a file is to be imported. `options` say how it is written, where that cannot be found out."""

    requested_by: str
    options: Mapping[str, str]
    stop_on_error: bool
    dry_run: bool


@dataclass(frozen=True)
class ImportProgress:
    """Whom an import tells. `save` is called in the transaction that stores a batch, and rolls it back by raising."""

    report_row: Callable[[int, str], None]
    save: Callable[[ImportTally], None]


class FileImport(Protocol):
    """Imports files of one kind."""

    def check_options(self, options: Mapping[str, str]) -> None:
        """Raises `InvalidMessage`."""
        ...

    def run(self, file: Path, order: ImportOrder, progress: ImportProgress) -> ImportTally:
        """Import a file, or what an interrupted run has left of it. Raises `EventShopError` for one that cannot be."""
        ...


@dataclass(frozen=True)
class ImportKind:
    """A kind of files. Who sends one needs all of the `rights`, and a token the `scope`."""

    name: str
    about: str
    rights: Sequence[str]
    scope: str
    files: FileImport


_kinds: Final[dict[str, ImportKind]] = {}


def register(kind: ImportKind) -> None:
    """Accept files of this kind. Raises `DuplicateName`."""
    if _kinds.setdefault(kind.name, kind) is not kind:
        raise DuplicateName(f"Two kinds of imports are named {kind.name!r}", name=kind.name)


def import_kinds() -> Mapping[str, ImportKind]:
    return _kinds
