"""What stands at the top of every page: places that each application adds for those who may go there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from django.http import HttpRequest
from django.urls import reverse

For: TypeAlias = Callable[[HttpRequest], bool]


class Entry(NamedTuple):
    """A place to go, by the name of its URL; the lowest `order` stands first."""

    title: str
    view: str
    order: int
    shown: For
    about: str


_entries: Final[list[Entry]] = []


def everybody(request: HttpRequest) -> bool:
    return True


def signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def strangers(request: HttpRequest) -> bool:
    return not request.user.is_authenticated


def register(title: str, view: str, *, order: int, about: str, shown: For = everybody) -> None:
    """Add a place, and what the start page says about it; the same one twice is one."""
    entry = Entry(title, view, order, shown, about)
    if entry not in _entries:
        _entries.append(entry)
        _entries.sort(key=lambda entry: entry.order)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. A page that shows no navigation asks for no user."""

    def entries() -> list[dict[str, Any]]:
        shown = [entry for entry in _entries if entry.shown(request)]
        return [_place(entry, request.path) for entry in shown]

    return {"navigation": entries}


def _place(entry: Entry, path: str) -> dict[str, Any]:
    url = reverse(entry.view)
    return {"title": entry.title, "about": entry.about, "url": url, "here": path.startswith(url)}
