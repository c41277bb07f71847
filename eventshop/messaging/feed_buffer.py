"""The buffer of the event feed: the newest deliveries of one partition."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from eventshop.messaging.event_log import DeliveredEvent, Delivery, LogOffset, UnreadableDelivery


class FeedBuffer:
    """Deliveries between the offsets `start` and `end`. A cursor numbers deliveries since the buffer was made."""

    def __init__(self, start: LogOffset) -> None:
        self.start = start
        self.end = start
        self.first = 0  # the cursor of the oldest delivery
        self.characters = 0  # of the payloads
        self._deliveries: list[Delivery] = []

    def __len__(self) -> int:
        return len(self._deliveries)

    @property
    def last(self) -> int:
        """The cursor behind the newest delivery."""
        return self.first + len(self._deliveries)

    def append(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)
        self.end = self.end.after(delivery)
        self.characters += _characters(delivery)

    def is_before(self, offset: LogOffset) -> bool:
        """Whether a reader at this offset has missed deliveries that the buffer no longer holds."""
        return offset[:2] < self.start[:2] if offset.offset == self.start.offset else offset.offset < self.start.offset

    def read_after(self, offset: LogOffset, limit: int) -> tuple[int, Sequence[Delivery], int]:
        """At most `limit` deliveries after an offset, with the cursors before the first and behind the last of them.

        An event whose number the reader has passed is left out: a topic that was made anew delivers it again.
        """
        before = index = bisect_left(self._deliveries, True, key=lambda delivery: _is_after(delivery, offset))
        while limit > 0 and index < len(self._deliveries):
            deliveries = self._deliveries[index : index + limit]
            index += len(deliveries)
            first = next((delivery for delivery in deliveries if isinstance(delivery, DeliveredEvent)), None)
            if first is not None and 0 < first.sequence <= offset.sequence:
                deliveries = [delivery for delivery in deliveries if not _is_repeated(delivery, offset)]
            if deliveries:
                return self.first + before, deliveries, self.first + index
        return self.first + before, (), self.first + index

    def peek(self, cursor: int, limit: int) -> Sequence[Delivery] | None:
        """The deliveries from a cursor on; None if there are more than `limit`, or the buffer no longer has them."""
        if cursor < self.first or self.last - cursor > limit:
            return None
        return self._deliveries[cursor - self.first :]

    def discard_before(self, cursor: int) -> None:
        """Discard the deliveries before a cursor."""
        count = cursor - self.first
        if count <= 0:
            return
        for delivery in self._deliveries[:count]:
            self.start = self.start.after(delivery)
            self.characters -= _characters(delivery)
        del self._deliveries[:count]
        self.first = cursor


def _is_after(delivery: Delivery, offset: LogOffset) -> bool:
    """Several events that fill one gap have the same offset; their numbers tell them apart."""
    if delivery.offset != offset.offset or isinstance(delivery, UnreadableDelivery):
        return delivery.offset > offset.offset
    return delivery.sequence > offset.sequence


def _is_repeated(delivery: Delivery, offset: LogOffset) -> bool:
    return isinstance(delivery, DeliveredEvent) and delivery.sequence <= offset.sequence


def _characters(delivery: Delivery) -> int:
    return len(delivery.value or b"") if isinstance(delivery, UnreadableDelivery) else len(delivery.row.payload)
