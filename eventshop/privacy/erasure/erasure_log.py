"""The erasure log: the ids of erased persons in a file outside the database, so that no restored backup undoes it.

`replay_erasures` reads it after an old backup was restored. It contains only ids, which identify nobody afterwards.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from django.conf import settings

from eventshop.runtime.private_files import open_private


def append(person: UUID) -> None:
    """Append a person durably, unless the log contains the person already."""
    path = Path(settings.ERASURE_LIST)
    if person in read():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", opener=open_private) as file:
        file.write(f"{person}\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path | None = None) -> list[UUID]:
    """All persons in the log, or in a copy of it. A line that a crash cut short is ignored."""
    path = path or Path(settings.ERASURE_LIST)
    if not path.exists():
        return []
    return [UUID(line) for line in path.read_text().splitlines() if len(line) == 36]
