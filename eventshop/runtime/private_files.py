"""Files that only their owner may read."""

from __future__ import annotations

import os


def open_private(path: str, flags: int) -> int:
    """The `opener` of `open()` for a file that is made with mode 0600; an existing one keeps its mode."""
    return os.open(path, flags, 0o600)
