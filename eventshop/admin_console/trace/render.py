"""A tree as lines, for a terminal or a page: how deep, what, when, and how long after the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from eventshop.admin_console.saga_timeline import span
from eventshop.admin_console.trace.node import Node


class TraceLine(NamedTuple):
    """One node of a tree. `after` is since the beginning of the whole; `meant`: it has the id that was asked for."""

    depth: int
    node: Node
    after: str
    meant: bool


def lines(roots: Iterable[Node], asked: str = "") -> list[TraceLine]:
    """The trees one below the other, each node with its distance in time from the very first."""
    nodes = [pair for root in roots for pair in root.walk()]
    times = [node.at for _, node in nodes if node.at is not None]
    begun = min(times) if times else None
    wanted = asked.strip().lower()
    return [TraceLine(depth, node, _after(node.at, begun), node.identity == (wanted or None)) for depth, node in nodes]


def as_text(roots: Iterable[Node], asked: str = "") -> Iterator[str]:
    """One line of text each: time, distance, and the node in its place."""
    for line in lines(roots, asked):
        node = line.node
        at = timezone.localtime(node.at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if node.at else ""
        state = f" [{node.state}]" if node.state else ""
        detail = f": {node.detail}" if node.detail else ""
        mark = "  <- this" if line.meant else ""
        identity = f" {node.identity}" if node.identity else ""
        yield f"{at:23} {line.after:>8}  {'  ' * line.depth}{node.kind} {node.name}{state}{identity}{detail}{mark}"


def _after(at: datetime | None, begun: datetime | None) -> str:
    return "" if at is None or begun is None else f"+{span(at - begun)}"
