"""Who else holds something about a person: each layer says for itself what it has, erases it, and what must wait.

The erasure job stands below the domains and read models; they register here what only they can do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple
from uuid import UUID


class ErasureBlocker(NamedTuple):
    """Why a person's data cannot be erased yet, in words for them."""

    reason: str


class PersonalDataHolder(NamedTuple):
    """One place that an erasure reaches. `erase` says in words what it did; done twice, it does nothing more.

    It is given the person and the other aggregates under whose id data of theirs is kept.
    """

    name: str
    erase: Callable[[UUID, Collection[UUID]], str]


class HeldData(NamedTuple):
    """Something held about a person, and where it comes from."""

    where: str
    what: dict[str, Any]


holders: Final[dict[str, PersonalDataHolder]] = {}
_blocker_checks: Final[dict[str, Callable[[UUID], Collection[ErasureBlocker]]]] = {}
_clear_text_tables: Final[dict[str, Callable[[], Collection[str]]]] = {}
_duty_subjects: Final[dict[str, Callable[[UUID], bool]]] = {}
_data_queries: Final[dict[str, Callable[[UUID], Collection[HeldData]]]] = {}


def register_holder(name: str, erase: Callable[[UUID, Collection[UUID]], str]) -> None:
    """Have this done in every erasure; parts run in the order of their names."""
    holders[name] = PersonalDataHolder(name, erase)


def register_blocker(name: str, blockers_of: Callable[[UUID], Collection[ErasureBlocker]]) -> None:
    """Have this asked before an erasure begins."""
    _blocker_checks[name] = blockers_of


def register_held_data(name: str, held_data_of: Callable[[UUID], Collection[HeldData]]) -> None:
    """Have this part of every copy that a person takes."""
    _data_queries[name] = held_data_of


def register_clear_text_tables(name: str, tables: Callable[[], Collection[str]]) -> None:
    """Name the tables in which personal data stands in clear."""
    _clear_text_tables[name] = tables


def clear_text_tables() -> list[str]:
    """Every table in which personal data stands in clear."""
    return sorted({table for named in _clear_text_tables.values() for table in named()})


def register_duty_subject(about: str, has_data: Callable[[UUID], bool]) -> None:
    """Say who has something that a duty may be about (`retention.toml`)."""
    _duty_subjects[about] = has_data


def duty_subjects_of(person: UUID) -> set[str]:
    """What of all that duties are about a person has."""
    return {name for name, has_data in _duty_subjects.items() if has_data(person)}


def find_blockers(person: UUID) -> list[ErasureBlocker]:
    """Everything that an erasure has to wait for now."""
    return [blocker for name in sorted(_blocker_checks) for blocker in _blocker_checks[name](person)]


def collect_held_data(person: UUID) -> list[HeldData]:
    """Everything that is held about a person outside their own events."""
    return [item for name in sorted(_data_queries) for item in _data_queries[name](person)]
