"""Named crash points at which a test can kill this process. Switched off, they cost an empty call."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Final

from django.conf import settings

#: Every crash point, in the order in which they are passed.
CRASH_POINTS: Final = (
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
    "effect.started",
    "effect.performed",
    "erasure.after-step",
    "import.before-commit",
    "fork.after-renumbering",
    "fork.after-deletion",
    "fork.after-creation",
    "backup.before-keys",
    "restore.before-commit",
    "restore.after-commit",
)


class _ArmedCrashPoint:
    """The setting CRASH_AT is `NAME:N`: the process is killed with SIGKILL when it passes NAME for the Nth time."""

    def __init__(self, spec: str) -> None:
        self.name, _, count = spec.partition(":")
        self.remaining = int(count or 1)

    def is_due(self, name: str) -> bool:
        """Count one pass through the crash point `name`."""
        if name != self.name:
            return False
        self.remaining -= 1
        return self.remaining == 0


def _read_settings() -> _ArmedCrashPoint | None:
    return _ArmedCrashPoint(settings.CRASH_AT) if settings.CRASH_AT else None


_armed = _read_settings()


def crash_point(name: str) -> None:
    """Mark the point between two steps."""
    if _armed is not None and _armed.is_due(name):
        _kill_process()


@contextmanager
def crash_during(name: str, after_s: float = 0.0005) -> Iterator[None]:
    """Mark a step that takes a while: the process dies in the middle of it."""
    if _armed is not None and _armed.is_due(name):
        Timer(after_s, _kill_process).start()
    yield


def _kill_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
