"""A small domain package, written to a folder and imported in variations, for the tests of the snapshot lock."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module, invalidate_caches
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LIGHT = '''
"""How bright a lamp is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

BRIGHTEST: Final = 10


class Colour(StrEnum):
    WHITE = "white"
    RED = "red"


class Light(Struct, frozen=True):
    level: int = 0
    colour: Colour = Colour.WHITE

    def brighter(self, by: int) -> Light:
        if by < 0:
            raise ValueError("a lamp does not darken")
        return Light(min(BRIGHTEST, self.level + by), self.colour)


def unrelated() -> int:
    return 1
'''

LAMP = '''
"""The lamp."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event
from eventshop.core.upcasting import Upcasters
from PACKAGE import light
from PACKAGE.light import Light


class Turn(Command, frozen=True):
    lamp_id: UUID
    by: int


class Turned(Event, frozen=True):
    schema_version: ClassVar[int] = 2

    lamp_id: UUID
    by: int = 1


class Lamp(Aggregate[Turn, Turned], frozen=True):
    """A lamp that can be turned up."""

    light: Light = Light()
    turns: int | None = None

    @staticmethod
    def id_of(command: Turn) -> UUID:
        return command.lamp_id

    def decide(self, command: Turn) -> list[Turned]:
        if self.is_brightest:
            return []
        return [Turned(command.lamp_id, command.by)]

    def evolve(self, event: Turned) -> Lamp:
        return Lamp(self._turned(event), (self.turns or 0) + 1)

    def _turned(self, event: Turned) -> Light:
        return self.light.brighter(event.by)

    @property
    def is_brightest(self) -> bool:
        return self.light.level == light.BRIGHTEST


upcasters = Upcasters()


@upcasters.upcast("Turned", 1)
def turned_by_one(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"by": 1}


lamps = MessageRegistry()
lamps.add(Lamp, upcasters)
'''

LIMITS = '"""Limits."""\n'

_numbers = count()


class LampDomain:
    """Imports variations of the package from a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.packages: list[str] = []

    def load(self, *changes: tuple[str, str]) -> Any:
        """Write the package with some texts replaced, each found exactly once, and return its module `lamp`."""
        package = f"lamp_domain_{next(_numbers)}"
        texts = {"light": LIGHT, "lamp": LAMP, "limits": LIMITS}
        for old, new in changes:
            [name] = [name for name, text in texts.items() if text.count(old) == 1]
            texts[name] = texts[name].replace(old, new)
        (self._folder / package).mkdir()
        (self._folder / package / "__init__.py").touch()
        for name, text in texts.items():
            (self._folder / package / f"{name}.py").write_text(text.replace("PACKAGE", package))
        self.packages.append(package)
        invalidate_caches()
        module: ModuleType = import_module(f"{package}.lamp")
        return module


@pytest.fixture
def lamp_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LampDomain]:
    folder = tmp_path / "domains"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    domain = LampDomain(folder)
    yield domain
    for name in [name for name in sys.modules if name.partition(".")[0] in domain.packages]:
        del sys.modules[name]
