"""Reads the whole store in order during concurrent writes: every committed event once, none skipped."""

from __future__ import annotations

from threading import Lock

from eventshop.core.errors import TailBusy
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.open_appends import Stall, StallReporter, stall_reporter
from eventshop.eventstore.records import EventRow


class TailReader:
    """Reads the committed events after a position. Readers that share an instance share its horizon.

    Reads stop at the horizon, the position up to which no event can appear any more. Raises `TailBusy` when the
    fence timed out while waiting for writers; try again after a short while.
    """

    def __init__(self, reporter: StallReporter = stall_reporter) -> None:
        self._horizon = 0
        self._stall = Stall(reporter)
        self._fence_lock = Lock()

    def horizon(self, after: int) -> int:
        """Return a position of at least `after` up to which the store is final; queries the database only if needed."""
        if self._horizon <= after:
            with self._fence_lock:
                if self._horizon <= after:
                    self._horizon = max(self._horizon, self._read_horizon(after))
        return max(self._horizon, after)

    def _read_horizon(self, after: int) -> int:
        """Query the horizon. If the fence has failed for seconds, log which transactions keep it from advancing."""
        try:
            horizon = backend().read_horizon(after)
        except TailBusy:
            self._stall.go_on()
            raise
        self._stall.end()
        return horizon

    def read(self, after: int, limit: int, *, up_to: int | None = None) -> list[EventRow]:
        """Return at most `limit` events with a higher position than `after`, in order.

        `up_to` is a position known to be final (some reader has passed it), so that no fence is needed.
        """
        horizon = self.horizon(after) if up_to is None else up_to
        if horizon <= after:
            return []
        return backend().select_events(
            "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s", (after, horizon, limit)
        )


def newest_position() -> int:
    """Return the highest visible position, 0 in an empty store. To display lag; not a safe end for reading."""
    newest = StoredEvent.objects.order_by("-position").values_list("position", flat=True).first()
    return newest or 0
