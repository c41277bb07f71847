"""The sidebar of the console: sections of the library, and those that apps add in their plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy

from eventshop.operations.attention.watch import recent_counts


class SidebarItem(NamedTuple):
    """An entry for those who may view `model` (`app_label.model`), or have `permission` where `view` names a page."""

    title: str
    icon: str
    model: str = ""
    view: str = ""
    permission: str = ""
    order: int = 50


class SidebarSection(NamedTuple):
    """Entries under a title. Sections of one title are merged; both sections and entries are sorted by `order`."""

    title: str
    order: int
    items: Sequence[SidebarItem]


_sections: Final[list[SidebarSection]] = []


def register(section: SidebarSection) -> None:
    """Add a section, or entries to the section of that title."""
    _sections.append(section)


def place_of(model: type[Model]) -> tuple[str, str] | None:
    """The section and the title of a model's entry: its list and the way to it are called the same."""
    label = model._meta.label_lower
    places = ((section.title, item.title) for section in _sections for item in section.items if item.model == label)
    return next(places, None)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections in the form of Unfold's setting `SIDEBAR`; Unfold asks for each entry's permission itself."""
    badges = recent_counts() if request.user.has_perm("ops.view_attentionitem") else {}
    items_by_title: dict[str, list[SidebarItem]] = {}
    for section in sorted(_sections, key=lambda section: section.order):
        items_by_title.setdefault(section.title, []).extend(section.items)
    sections: list[dict[str, Any]] = [
        {"title": title, "items": [_entry(item, badges) for item in sorted(items, key=lambda item: item.order)]}
        for title, items in items_by_title.items()
    ]
    _mark_current([entry for section in sections for entry in section["items"]], request.path)
    return sections


def _mark_current(entries: Sequence[dict[str, Any]], page: str) -> None:
    """Mark the one entry that leads to this page, or to the list above it: the longest address that it begins with.

    By itself Unfold marks every entry whose address is a part of the page's, so neighbours too.
    """
    links, index = [str(entry["link"]) for entry in entries], reverse("admin:index")
    above = (link for link in links if page == link or (link != index and page.startswith(link)))
    current = max(above, key=len, default=None)
    for entry, link in zip(entries, links, strict=True):
        entry["active"] = link == current


def _entry(item: SidebarItem, badges: Mapping[str, int]) -> dict[str, Any]:
    app, _, model = item.model.partition(".")
    view = item.view or f"{app}_{model}_changelist"
    permission = item.permission or (f"{app}.view_{model}" if model else "")

    def is_allowed(request: HttpRequest) -> bool:
        return not permission or request.user.has_perm(permission)

    entry = {"title": item.title, "icon": item.icon, "link": reverse_lazy(f"admin:{view}"), "permission": is_allowed}
    return entry | ({"badge": badges[view], "badge_variant": "danger"} if badges.get(view) else {})
