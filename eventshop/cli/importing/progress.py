"""Progress of an import: a bar on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from django.core.management.base import OutputWrapper
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class ImportProgress:
    """A context manager that shows how many of `total` units are done."""

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

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def report(self, done: int, note: str = "") -> None:
        """Show that `done` of the total are done, with a note."""
        if self.bar:
            self.bar.update(self.task, completed=done, description=f"{self.unit}, {note}")
            return
        tenth = done * 10 // self.total
        if tenth > self.reported_tenths:
            self.reported_tenths = tenth
            self.out.write(f"{done:,} of {self.total:,} {self.unit}, {note}")
