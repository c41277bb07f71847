"""The nodes of a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Node:
    """A request, command, event, saga message, effect or row, with what followed from it as children."""

    kind: str
    name: str
    identity: str = ""
    time: datetime | None = None
    state: str = ""  # the outcome if it is not the usual one: refused, waiting, failed
    detail: str = ""
    url: str = ""
    children: list[Node] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """This node and all nodes below, depth first, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)
