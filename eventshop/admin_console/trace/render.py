"""A trace as rows for a page, or as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from django.utils import timezone

from eventshop.admin_console.saga_timeline import format_duration
from eventshop.admin_console.trace.node import Node

#: Ends the line of the node that has the searched id.
MATCH_MARK: Final = "  <- this"


class TraceRow(NamedTuple):
    """One node of a tree. `elapsed` is the time since the first node; `is_match`: it has the searched id.

    `begins` and `lasts` are where its bar begins and how long it is, in percent of the whole trace: from the node's
    time to the last one of what followed from it.
    """

    depth: int
    node: Node
    elapsed: str
    is_match: bool
    begins: float
    lasts: float


def trace_rows(roots: Iterable[Node], searched_id: str = "") -> list[TraceRow]:
    """The nodes of all trees in order, each with the time since the earliest one."""
    nodes = [pair for root in roots for pair in root.walk()]
    times = [node.time for _, node in nodes if node.time is not None]
    start, end = (min(times), max(times)) if times else (None, None)
    match = searched_id.strip().lower()
    return [
        TraceRow(
            depth, node, _format_elapsed(node.time, start), node.identity == (match or None), *_bar(node, start, end)
        )
        for depth, node in nodes
    ]


def _bar(node: Node, start: datetime | None, end: datetime | None) -> tuple[float, float]:
    """Where the bar of a node begins, and its length, in percent; nothing where no time is known or passed."""
    if node.time is None or start is None or end is None or end <= start:
        return 0.0, 0.0
    last = max(one.time for _, one in node.walk() if one.time is not None)
    return (node.time - start) / (end - start) * 100, (last - node.time) / (end - start) * 100


def render_text(roots: Iterable[Node], searched_id: str = "") -> Iterator[str]:
    """One line of text per node: time, time since the first node, and the indented node."""
    for row in trace_rows(roots, searched_id):
        node = row.node
        time = timezone.localtime(node.time).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if node.time else ""
        state = f" [{node.state}]" if node.state else ""
        detail = f": {node.detail}" if node.detail else ""
        mark = MATCH_MARK if row.is_match else ""
        identity = f" {node.identity}" if node.identity else ""
        yield f"{time:23} {row.elapsed:>8}  {'  ' * row.depth}{node.kind} {node.name}{state}{identity}{detail}{mark}"


def _format_elapsed(time: datetime | None, start: datetime | None) -> str:
    return "" if time is None or start is None else f"+{format_duration(time - start)}"
