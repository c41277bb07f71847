"""The main navigation of every page. Each app registers its entries and who sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from django.http import HttpRequest
from django.urls import reverse

from eventshop.core.errors import DuplicateName

VisibleTo: TypeAlias = Callable[[HttpRequest], bool]


def anyone(request: HttpRequest) -> bool:
    return True


def signed_in_users(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def anonymous_users(request: HttpRequest) -> bool:
    return not request.user.is_authenticated


class NavigationEntry(NamedTuple):
    """A navigation entry. `view` is a URL name, `about` its text on the home page; entries are sorted by `order`.

    `number` gives the number that is shown with the title, such as that of the items in the basket; 0 is not shown.
    """

    title: str
    view: str
    order: int
    about: str
    visible_to: VisibleTo = anyone
    number: Callable[[HttpRequest], int] | None = None


_entries: Final[list[NavigationEntry]] = []


def register(entry: NavigationEntry) -> None:
    """Add an entry. Raises `DuplicateName` for a second entry of one view."""
    if any(other.view == entry.view for other in _entries):
        raise DuplicateName(f"Two navigation entries lead to {entry.view!r}", view=entry.view)
    _entries.append(entry)
    _entries.sort(key=lambda entry: entry.order)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. The entries are computed lazily: a page without navigation does not load the user."""

    def entries() -> list[dict[str, Any]]:
        return [_render_entry(entry, request) for entry in _entries if entry.visible_to(request)]

    return {"navigation": entries}


def _render_entry(entry: NavigationEntry, request: HttpRequest) -> dict[str, Any]:
    url = reverse(entry.view)
    count = entry.number(request) if entry.number else 0
    here = request.path.startswith(url)
    return {"title": entry.title, "about": entry.about, "url": url, "here": here, "count": count}
