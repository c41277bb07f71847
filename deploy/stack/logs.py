"""The logs of the stack's processes, merged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

DEFAULT_LINES = 20
POLL_INTERVAL_S = 0.2


class LogFile:
    """A log file that grows and may be rotated."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.offset = 0

    def read_last(self, count: int) -> list[str]:
        """Return the last lines; `read_new` continues after them."""
        self.offset = 0
        lines = self.read_new()
        return lines[len(lines) - min(count, len(lines)) :]

    def read_new(self) -> list[str]:
        """Return the complete lines added since the last read."""
        try:
            size = self.path.stat().st_size
            if size < self.offset:
                self.offset = 0
            with self.path.open("rb") as file:
                file.seek(self.offset)
                text = file.read()
        except FileNotFoundError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self.offset += len(complete)
        return complete.decode(errors="replace").splitlines()


def tail_logs(
    paths: Sequence[Path], *, first: int = DEFAULT_LINES, until: Callable[[], object] | None = None
) -> Iterator[str]:
    """Yield the last lines of each log and, with `until`, new lines until it returns true."""
    logs = [LogFile(path) for path in paths]
    width = max((len(log.name) for log in logs), default=0)
    for log in logs:
        yield from (f"{log.name:{width}} | {line}" for line in log.read_last(first))
    while until is not None and not until():
        time.sleep(POLL_INTERVAL_S)
        for log in logs:
            yield from (f"{log.name:{width}} | {line}" for line in log.read_new())
