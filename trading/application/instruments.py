"""The table of instruments: what can be traded, on which terms, and who changed them.

A process keeps the current instruments in memory and asks for the number of the newest version before it uses them:
one statement on the primary key. Fills need none, because a trade keeps the terms of its submission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from msgspec import Struct

from eventshop.runtime.advisory_locks import take_locks
from trading.domain.errors import InstrumentChanged, UnknownInstrument
from trading.domain.events import Instrument
from trading.domain.instruments import Listing, column_values
from trading.models import InstrumentVersion

#: How old the instruments may be that pages only show.
_DISPLAY_CACHE_S: Final = 1
#: Codes that the error for an unknown instrument names.
_MOST_NAMED: Final = 20
_LOCK_NAMESPACE: Final = 0x1257


class _Cache(Struct):
    """The current instruments of a process. `newest` identifies the newest row of the table."""

    newest: Any = None
    listings: dict[str, Listing] = {}
    versions: dict[str, int] = {}
    checked_at: Any = None


_cache = _Cache()


def current_listings() -> Mapping[str, Listing]:
    """The newest version of each instrument, by code, active or not; one small query."""
    global _cache
    newest = InstrumentVersion.objects.order_by("-id").values_list("id", "changed_at").first()
    if newest != _cache.newest:
        rows = sorted(InstrumentVersion.objects.all(), key=lambda row: row.version)
        _cache = _Cache(newest, {row.code: row.to_listing() for row in rows}, {row.code: row.version for row in rows})
    _cache.checked_at = monotonic()
    return _cache.listings


def displayed_listings() -> Mapping[str, Listing]:
    """The same for pages that only show numbers: at most a second old, and mostly without a query."""
    is_fresh = _cache.checked_at is not None and monotonic() - _cache.checked_at < _DISPLAY_CACHE_S
    return _cache.listings if is_fresh else current_listings()


def active_listings(at: datetime | None = None) -> list[Listing]:
    """The instruments that can be traded at a moment (now, without one), sorted by code."""
    moment = at or datetime.now(UTC)
    return [listing for _, listing in sorted(current_listings().items()) if listing.is_active_at(moment)]


def find_listing(code: str, listings: Mapping[str, Listing] | None = None) -> Listing:
    """The newest version of an instrument, active or not; raises `UnknownInstrument`."""
    known = current_listings() if listings is None else listings
    if code not in known:
        codes = sorted(known)
        more = f" and {len(codes) - _MOST_NAMED:,} more" if len(codes) > _MOST_NAMED else ""
        raise UnknownInstrument(code=repr(code[:60]), known="; ".join(codes[:_MOST_NAMED]) + more)
    return known[code]


def get_instrument(code: str, at: datetime | None = None) -> Instrument:
    """The terms of an instrument that is traded at a moment (now, without one).

    Raises `UnknownInstrument` or `InactiveInstrument`.
    """
    listing = find_listing(code)
    listing.check_active(at or datetime.now(UTC))
    return listing.instrument


def versions_of(code: str) -> QuerySet[InstrumentVersion]:
    """The history of an instrument, newest first."""
    return InstrumentVersion.objects.filter(code=code).order_by("-version")


def save_listing(listing: Listing, *, actor: str, reason: str, expected_version: int | None = None) -> bool:
    """Add a version of an instrument; False if nothing changes.

    Raises `InstrumentChanged` if `expected_version` is no longer the newest one; 0 stands for a new instrument.
    """
    return bool(save_listings([listing], actor=actor, reason=reason, expected_version=expected_version))


def save_listings(
    listings: Iterable[Listing], *, actor: str, reason: str, expected_version: int | None = None
) -> list[Listing]:
    """Add versions of instruments in one transaction; returns those that are new or changed."""
    with transaction.atomic():
        # One writer at a time: numbers of rows then become visible in their order, as the cache requires.
        take_locks(_LOCK_NAMESPACE, [0])
        known = dict(current_listings())
        changed = [listing for listing in listings if known.get(listing.code) != listing]
        versions = dict(_cache.versions)
        for listing in changed:
            newest = versions.get(listing.code, 0)
            if expected_version not in (None, newest):
                raise InstrumentChanged(instrument=listing.code, expected=expected_version, newest=newest)
            values = column_values(listing)
            InstrumentVersion.objects.create(version=newest + 1, changed_by=actor, reason=reason, **values)
    return changed
