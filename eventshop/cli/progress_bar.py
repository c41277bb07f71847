"""A progress bar with pace and remaining time, for commands that process all events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from django.core.management.base import BaseCommand
from rich.progress import (
    BarColumn,
    FileSizeColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from eventshop.cli.rich_output import create_console


def create_bar(command: BaseCommand) -> Progress:
    """A bar whose tasks have a field `pace`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
        console=create_console(command),
    )


@contextmanager
def show_progress(command: BaseCommand, description: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a bar and yield `report(done, events)`; `events`, from which the pace follows, defaults to `done`."""
    bar = create_bar(command)
    started = monotonic()
    with bar:
        task = bar.add_task(description, total=total, pace="")

        def report(done: int, events: int | None = None) -> None:
            pace = f"{(done if events is None else events) / (monotonic() - started):,.0f} events/s"
            bar.update(task, completed=done, pace=pace)

        yield report


@contextmanager
def show_sizes(command: BaseCommand) -> Iterator[Callable[[str, int], None]]:
    """Show how much has been written of one thing after the other; yield `report(name, bytes)`."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), FileSizeColumn(), TimeElapsedColumn())
    progress, tasks = Progress(*columns, console=create_console(command)), dict[str, TaskID]()

    def report(name: str, size: int) -> None:
        if name not in tasks:
            tasks[name] = progress.add_task(name)
        progress.update(tasks[name], completed=size)

    with progress:
        yield report
