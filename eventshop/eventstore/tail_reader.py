"""Reading the whole store in order while others write: every committed event once, none skipped, none early."""

from __future__ import annotations

from threading import Lock

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.records import EventRow


class TailReader:
    """The committed events after a position. Readers that share one share what its last fence found out.

    A position is read only up to the horizon, below which nothing can appear any more. Raises `TailBusy` when
    writers did not let the fence in; try again after a short while.
    """

    def __init__(self) -> None:
        self._horizon = 0
        self._fence_lock = Lock()

    def horizon(self, after: int) -> int:
        """A position at or above `after` up to which everything is final; asks the database only if it must."""
        if self._horizon <= after:
            with self._fence_lock:
                if self._horizon <= after:
                    self._horizon = max(self._horizon, backend().read_horizon(after))
        return max(self._horizon, after)

    def read(self, after: int, limit: int, *, up_to: int | None = None) -> list[EventRow]:
        """At most `limit` events with a higher position than `after`, in order.

        `up_to` is a position that some reader has already passed: no fence is needed below it.
        """
        horizon = self.horizon(after) if up_to is None else up_to
        if horizon <= after:
            return []
        return backend().select_events(
            "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s", (after, horizon, limit)
        )


def newest_position() -> int:
    """The highest position that can be seen now; 0 in an empty store. For showing lag, not for reading up to."""
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True).first()
    return newest or 0
