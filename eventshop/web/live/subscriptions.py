"""What a page can follow. The application that shows it registers how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Max
from django.http import HttpRequest

from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent


class UnknownSource(EventShopError):
    """Nothing of this name can be followed."""

    code = "nothing-to-follow"


class LiveSource(NamedTuple):
    """One kind of thing that changes, such as an order.

    `may` tells whether whoever asks may follow the one with this key. `marks` answers, for many keys by one
    statement, a number each that is another one after every change; a key without a number has 0.
    """

    name: str
    is_allowed: Callable[[HttpRequest, UUID], bool]
    read_marks: Callable[[Collection[UUID]], Mapping[UUID, int]]


_sources: Final[dict[str, LiveSource]] = {}


def register(source: LiveSource) -> None:
    """Offer it to pages under `/live/<name>/<key>/`; the same name again replaces it."""
    _sources[source.name] = source


def find_source(name: str) -> LiveSource:
    """Raises `NothingToFollow`."""
    if name not in _sources:
        raise UnknownSource(name=name)
    return _sources[name]


def stream_versions(streams: Collection[UUID]) -> dict[UUID, int]:
    """The marks of things whose page is made from their stream."""
    rows = StoredEvent.objects.filter(aggregate_id__in=streams).order_by()
    return dict(rows.values("aggregate_id").annotate(newest=Max("version")).values_list("aggregate_id", "newest"))
