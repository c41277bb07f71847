"""The sources that a live page can subscribe to. The app that shows a page registers its source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.db.models import Max
from django.http import HttpRequest

from eventshop.core.errors import DuplicateName, EventShopError
from eventshop.eventstore.models import StoredEvent


class UnknownSource(EventShopError):
    """There is no live source with this name."""

    code = "nothing-to-follow"


class LiveSource(NamedTuple):
    """One kind of object that changes, such as an order.

    `is_allowed` decides whether the caller may follow the object with this key. `read_marks` returns the mark of each
    key, with one SQL statement for all keys. A mark is a number that differs after every change; a missing key has 0.
    `is_open_to`: whether a login, as it is now, may still follow such objects; open streams ask it every few seconds.
    """

    name: str
    is_allowed: Callable[[HttpRequest, UUID], bool]
    read_marks: Callable[[Collection[UUID]], Mapping[UUID, int]]
    is_open_to: Callable[[Login], bool] = lambda login: True


_sources: Final[dict[str, LiveSource]] = {}


def register(source: LiveSource) -> None:
    """Serve the source under `/live/<name>/<key>/`. Raises `DuplicateName`."""
    if _sources.setdefault(source.name, source) is not source:
        raise DuplicateName(f"Two live sources are named {source.name!r}", name=source.name)


def find_source(name: str) -> LiveSource:
    """The source with this name; raises `UnknownSource`."""
    if name not in _sources:
        raise UnknownSource(name=name)
    return _sources[name]


def stream_versions(streams: Collection[UUID]) -> dict[UUID, int]:
    """Stream versions, as the marks of objects whose pages are made from their event streams."""
    rows = StoredEvent.objects.filter(aggregate_id__in=streams).order_by()
    return dict(rows.values("aggregate_id").annotate(newest=Max("version")).values_list("aggregate_id", "newest"))
