"""The state of the rows of projections, as a short text that changes whenever they may have changed.

What was made of the rows is cached under it, and it is the entity tag of what is sent: so neither is older than the
checkpoints. It is read before the rows; rows that change in between are cached under a state that is gone already.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Any

from django.db.models import Count, Max, Sum

from eventshop.projections.models import Checkpoint


def read_row_state(projections: Collection[str]) -> str:
    """How far these projections have come, with retries of dead letters and rebuilds; one statement, of no read model.

    What an erasure empties does not change it: nothing that is kept under it may have personal columns.
    """
    rows = Checkpoint.objects.filter(projection__in=projections).order_by("projection").values_list("projection")
    found = rows.annotate(
        Count("pk"),
        Max("pk"),
        Sum("position"),
        Sum("store_position"),
        Sum("version"),
        Sum("events"),
        Sum("parked"),
        Max("advanced_at"),
    )
    return digest(*found)


def digest(*values: Any) -> str:
    """A short text that differs for other values."""
    return blake2b(repr(values).encode(), digest_size=16).hexdigest()
