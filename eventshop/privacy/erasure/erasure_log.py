"""The list of the erased that no backup of a database takes back: one line each in a file of its own.

`replay_erasures` reads it after an old backup was restored. It names ids only, which after an erasure are nobody's.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from django.conf import settings


def append(person: UUID) -> None:
    """Put a person on the list, durably; once is enough."""
    path = Path(settings.ERASURE_LIST)
    if person in read():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"{person}\n")
        file.flush()
        os.fsync(file.fileno())


def read() -> list[UUID]:
    """Everybody on the list; a line that a crash cut short is not there."""
    path = Path(settings.ERASURE_LIST)
    if not path.exists():
        return []
    return [UUID(line) for line in path.read_text().splitlines() if len(line) == 36]
