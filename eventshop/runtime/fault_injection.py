"""Named places where a test may kill this process. Off, they cost an empty call."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Final

from django.conf import settings

#: Every crash point, in the order a relay, a projection, a publisher and a saga pass them.
POINTS: Final = (
    "relay.before-send",
    "relay.mid-send",
    "relay.before-commit",
    "relay.during-commit",
    "relay.before-checkpoint",
    "projection.before-commit",
    "publish.before-send",
    "publish.mid-send",
    "publish.before-commit",
    "publish.during-commit",
    "publish.before-checkpoint",
    "saga.hearing",
    "saga.before-send",
    "saga.before-commit",
    "saga.after-commit",
    "saga.before-effect",
    "saga.after-effect",
    "erasure.after-step",
)


class _Armed:
    """`NAME:N` in the setting CRASH_AT kills the process with SIGKILL when it passes NAME for the Nth time."""

    def __init__(self, spec: str) -> None:
        self.name, _, count = spec.partition(":")
        self.left = int(count or 1)

    def passes(self, name: str) -> bool:
        if name != self.name:
            return False
        self.left -= 1
        return self.left == 0


def _from_settings() -> _Armed | None:
    return _Armed(settings.CRASH_AT) if settings.CRASH_AT else None


_armed = _from_settings()


def point(name: str) -> None:
    """A place between two steps."""
    if _armed is not None and _armed.passes(name):
        _die()


@contextmanager
def during(name: str, after_s: float = 0.0005) -> Iterator[None]:
    """A step that takes a while: the process dies in the middle of it."""
    if _armed is not None and _armed.passes(name):
        Timer(after_s, _die).start()
    yield


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
