"""What is missing from the figures of a projection: events that it has set aside, and time that it is behind.

Pages, the console and the API show it beside every number that comes from such a projection.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Model
from django.utils import timezone
from django.utils.formats import date_format

from eventshop.operations.objectives import objective_of
from eventshop.operations.projection_health import measure_projections
from eventshop.projections.models import DeadLetter, SkippedEvent
from eventshop.projections.projection import projection_registry
from eventshop.runtime.counted_cache import get_recent
from eventshop.runtime.database_clock import database_now


class Missing(NamedTuple):
    """What is not in the rows of some projections; `as_of`: when the first event was recorded that they lack."""

    events: int = 0
    streams: int = 0
    as_of: datetime | None = None

    def __str__(self) -> str:
        texts = []
        if self.events:
            events, streams = _plural(self.events, "event"), _plural(self.streams, "record")
            texts.append(f"{events} of {streams} not included")
        if self.as_of:
            texts.append(f"as of {date_format(timezone.localtime(self.as_of), 'j F, H:i')}")
        return "; ".join(texts)

    @property
    def header(self) -> str:
        """As a dictionary of RFC 9651."""
        as_of = f", as-of=@{int(self.as_of.timestamp())}" if self.as_of else ""
        return f"events={self.events}, streams={self.streams}{as_of}"

    def to_json(self) -> dict[str, Any]:
        as_of = self.as_of.isoformat() if self.as_of else None
        return {"events": self.events, "streams": self.streams, "as_of": as_of}


def missing_from(names: Iterable[str]) -> Missing | None:
    """What is missing from the rows of these projections; None: nothing. A few seconds old at most."""
    known = get_recent("missing-figures", "all", _measure)
    found = [known[name] for name in names if name in known]
    if not found:
        return None
    as_of = min((one.as_of for one in found if one.as_of), default=None)
    return Missing(max(one.events for one in found), max(one.streams for one in found), as_of)


def missing_from_model(model: type[Model]) -> Missing | None:
    """What is missing from the rows of a read model."""
    return missing_from(one.name for one in projection_registry.select([]) if one.model is model)


def _measure() -> dict[str, Missing]:
    found: dict[str, Missing] = {}
    for rows in (DeadLetter.objects.all(), SkippedEvent.objects.all()):
        counted = rows.order_by().values_list("projection").annotate(Count("pk"), Count("aggregate_id", distinct=True))
        for name, events, streams in counted:
            before = found.get(name, Missing())
            found[name] = Missing(before.events + events, before.streams + streams)
    for one in measure_projections():
        if one.progress.behind_s > objective_of(one.name).lag_s:
            as_of = database_now() - timedelta(seconds=one.progress.behind_s)
            found[one.name] = found.get(one.name, Missing())._replace(as_of=as_of)
    return found


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
