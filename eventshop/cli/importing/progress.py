"""How far a command has come: a bar on a terminal, a line for every tenth elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from django.core.management.base import OutputWrapper
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class ImportProgress:
    def __init__(self, out: OutputWrapper, *, total: int, unit: str) -> None:
        self.out, self.total, self.unit = out, total, unit
        self.reported_tenths = 0
        self.bar = (
            Bar(BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            if out.isatty()
            else None
        )

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
            self.task = self.bar.add_task(self.unit, total=self.total)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bar:
            self.bar.stop()

    def report(self, done: int, note: str = "") -> None:
        """So many of the total are done."""
        if self.bar:
            self.bar.update(self.task, completed=done, description=f"{self.unit}, {note}")
            return
        tenth = done * 10 // self.total
        if tenth > self.reported_tenths:
            self.reported_tenths = tenth
            self.out.write(f"{done:,} of {self.total:,} {self.unit}, {note}")
