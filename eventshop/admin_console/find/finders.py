"""What the console's search asks: one finder for each kind of thing, which apps name in their plug-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from django.http import HttpRequest

#: Results of one finder; a longer text finds fewer.
MAX_HITS: Final = 8


class Hit(NamedTuple):
    """One result: what it is called, what it is, and its page."""

    title: str
    about: str
    url: str


class Query(NamedTuple):
    """The text, stripped and not empty. `reason` and `command_id` only where finders record why they were asked."""

    request: HttpRequest
    text: str
    reason: str = ""
    command_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds one kind of thing for staff with all `permissions`, which are those of the pages that hits lead to.

    `find` uses an index, or reads a bounded number of rows, and gives its best hits first. With `is_recorded` it looks
    for people: it is asked only with a reason, and records the access before it tells anything.
    """

    kind: str
    icon: str
    find: Callable[[Query], Iterable[Hit]]
    permissions: tuple[str, ...] = ()
    is_recorded: bool = False


class Found(NamedTuple):
    """The results of one finder; `more`: there are others, which a longer text would tell apart."""

    finder: Finder
    hits: list[Hit]
    more: bool


_finders: Final[list[Finder]] = []


def register(finder: Finder) -> None:
    """Add a finder. Finders are asked, and their results shown, in the order of the plug-ins."""
    _finders.append(finder)


def may_find_people(request: HttpRequest) -> bool:
    """Whether any finder of people would answer this member of staff."""
    return any(finder.is_recorded and request.user.has_perms(finder.permissions) for finder in _finders)


def find_anything(query: Query) -> list[Found]:
    """What every finder finds that this member of staff may ask; those that record only with a reason."""
    results = []
    for finder in _finders:
        if bool(query.reason) is finder.is_recorded and query.request.user.has_perms(finder.permissions):
            hits = list(islice(finder.find(query), MAX_HITS + 1))
            if hits:
                results.append(Found(finder, hits[:MAX_HITS], len(hits) > MAX_HITS))
    return results
