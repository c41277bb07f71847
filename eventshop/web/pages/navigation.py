"""The main navigation of every page. Each app registers its entries and who sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from django.http import HttpRequest
from django.urls import reverse

VisibleTo: TypeAlias = Callable[[HttpRequest], bool]


class NavigationEntry(NamedTuple):
    """A navigation entry. `view` is a URL name, `about` its text on the home page; entries are sorted by `order`."""

    title: str
    view: str
    order: int
    visible_to: VisibleTo
    about: str


_entries: Final[list[NavigationEntry]] = []


def anyone(request: HttpRequest) -> bool:
    return True


def signed_in_users(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def anonymous_users(request: HttpRequest) -> bool:
    return not request.user.is_authenticated


def register(title: str, view: str, *, order: int, about: str, visible_to: VisibleTo = anyone) -> None:
    """Add an entry; registering the same entry again has no effect."""
    entry = NavigationEntry(title, view, order, visible_to, about)
    if entry not in _entries:
        _entries.append(entry)
        _entries.sort(key=lambda entry: entry.order)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. The entries are computed lazily: a page without navigation does not load the user."""

    def entries() -> list[dict[str, Any]]:
        shown = [entry for entry in _entries if entry.visible_to(request)]
        return [_render_entry(entry, request.path) for entry in shown]

    return {"navigation": entries}


def _render_entry(entry: NavigationEntry, path: str) -> dict[str, Any]:
    url = reverse(entry.view)
    return {"title": entry.title, "about": entry.about, "url": url, "here": path.startswith(url)}
