"""Who else holds something about a person: each layer says for itself what it has, erases it, and what must wait.

The erasure job stands below the domains and read models; they register here what only they can do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple
from uuid import UUID


class Ground(NamedTuple):
    """Why a person's data cannot be erased yet, in words for them."""

    reason: str


class Part(NamedTuple):
    """One place that an erasure reaches. `erase` says in words what it did; done twice, it does nothing more.

    It is given the person and the other aggregates under whose id data of theirs is kept.
    """

    name: str
    erase: Callable[[UUID, Collection[UUID]], str]


class Held(NamedTuple):
    """Something held about a person, and where it comes from."""

    where: str
    what: dict[str, Any]


parts: Final[dict[str, Part]] = {}
_grounds: Final[dict[str, Callable[[UUID], Collection[Ground]]]] = {}
_tables: Final[dict[str, Callable[[], Collection[str]]]] = {}
_about: Final[dict[str, Callable[[UUID], bool]]] = {}
_holdings: Final[dict[str, Callable[[UUID], Collection[Held]]]] = {}


def erases(name: str, erase: Callable[[UUID, Collection[UUID]], str]) -> None:
    """Have this done in every erasure; parts run in the order of their names."""
    parts[name] = Part(name, erase)


def waits_for(name: str, grounds: Callable[[UUID], Collection[Ground]]) -> None:
    """Have this asked before an erasure begins."""
    _grounds[name] = grounds


def holds(name: str, holdings: Callable[[UUID], Collection[Held]]) -> None:
    """Have this part of every copy that a person takes."""
    _holdings[name] = holdings


def writes(name: str, tables: Callable[[], Collection[str]]) -> None:
    """Name the tables in which personal data stands in clear."""
    _tables[name] = tables


def tables() -> list[str]:
    """Every table in which personal data stands in clear."""
    return sorted({table for named in _tables.values() for table in named()})


def has(about: str, asked: Callable[[UUID], bool]) -> None:
    """Say who has something that a duty may be about (`retention.toml`)."""
    _about[about] = asked


def about(person: UUID) -> set[str]:
    """What of all that duties are about a person has."""
    return {name for name, asked in _about.items() if asked(person)}


def grounds(person: UUID) -> list[Ground]:
    """Everything that an erasure has to wait for now."""
    return [ground for name in sorted(_grounds) for ground in _grounds[name](person)]


def holdings(person: UUID) -> list[Held]:
    """Everything that is held about a person outside their own events."""
    return [held for name in sorted(_holdings) for held in _holdings[name](person)]
