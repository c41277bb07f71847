"""What the processes of the stack say, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

FIRST_LINES = 20
LOOK_EVERY_S = 0.2


class Log:
    """A log file that grows, and begins anew when it became too long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.read_to = 0

    def last(self, count: int) -> list[str]:
        """Return the last lines; reading goes on behind them."""
        self.read_to = 0
        lines = self.new()
        return lines[len(lines) - min(count, len(lines)) :]

    def new(self) -> list[str]:
        """Return the whole lines that were added since."""
        try:
            size = self.path.stat().st_size
            if size < self.read_to:
                self.read_to = 0
            with self.path.open("rb") as file:
                file.seek(self.read_to)
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self.read_to += len(whole)
        return whole.decode(errors="replace").splitlines()


def lines(
    paths: Sequence[Path], *, first: int = FIRST_LINES, until: Callable[[], object] | None = None
) -> Iterator[str]:
    """Yield the last lines of each log and, where `until` is given, every new one until it is true."""
    logs = [Log(path) for path in paths]
    width = max((len(log.name) for log in logs), default=0)
    for log in logs:
        yield from (f"{log.name:{width}} | {line}" for line in log.last(first))
    while until is not None and not until():
        time.sleep(LOOK_EVERY_S)
        for log in logs:
            yield from (f"{log.name:{width}} | {line}" for line in log.new())
