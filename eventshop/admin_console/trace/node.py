"""The pieces that a story is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Node:
    """A request, command, event, saga, effect or row: what it is called, when it was, and what followed from it."""

    kind: str
    name: str
    identity: str = ""
    time: datetime | None = None
    state: str = ""  # what became of it, if that is not plain: refused, waiting, stuck
    detail: str = ""
    url: str = ""
    children: list[Node] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Node]]:
        """This and everything below, in order, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)
