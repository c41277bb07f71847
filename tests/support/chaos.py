"""How often a chaos test kills, and at which moments: `make chaos` sets CHAOS_TIMES and CHAOS_SEED."""

from __future__ import annotations

import os
from random import Random
from typing import Any, Final

import pytest

from eventshop.runtime.fault_injection import CRASH_POINTS

SEED: Final = int(os.environ.get("CHAOS_SEED", "1"))


def times(default: int, *, at_most: int | None = None) -> int:
    """The number of kills: CHAOS_TIMES, or the default."""
    number = int(os.environ.get("CHAOS_TIMES", default))
    return number if at_most is None else min(number, at_most)


def random_for(name: str) -> Random:
    """Random numbers that depend on CHAOS_SEED and the name only."""
    return Random(f"{SEED} {name}")


def crash_points(prefix: str) -> list[Any]:
    """Test parameters: all crash points with this prefix. All but the one during the commit are long."""
    return [
        pytest.param(name, marks=() if name.endswith(".during-commit") else pytest.mark.long)
        for name in CRASH_POINTS
        if name.startswith(prefix)
    ]
