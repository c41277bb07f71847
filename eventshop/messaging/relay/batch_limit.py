"""How much one Kafka transaction may hold: less after a time-out, more again after each success.

A batch that holds a record which Kafka refuses is halved until that record is alone, so that it can be named.
"""

from __future__ import annotations

from eventshop.messaging.kafka import publish_faults
from eventshop.messaging.kafka.publish_faults import Fault


class BatchLimit:
    """The limits of a batch, in records and in bytes. They outlive a leader's term and belong to one thread."""

    def __init__(self, records: int, size: int) -> None:
        self.most_records = records
        self.most_bytes = size
        self.records = records
        self._held_until = 0

    @property
    def bytes(self) -> int:
        """The bytes of a batch, in proportion to its records. A single record may be larger."""
        return max(1, self.most_bytes * self.records // self.most_records)

    def shrink(self, error: Exception, records: int, position: int) -> bool:
        """A batch of so many records, up to `position`, failed: allow half of them if that can help.

        Return whether Kafka refuses a record that is alone in its batch, so that only an operator can help.
        """
        fault = publish_faults.classify(error)
        if fault is Fault.RECORD and records == 1:
            return True
        if fault in (Fault.RECORD, Fault.TIMEOUT):
            self.records = max(1, min(self.records, records) // 2)
        if fault is Fault.RECORD:
            self._held_until = max(self._held_until, position)
        return False

    def grow(self, position: int) -> None:
        """A batch up to `position` was published: allow a quarter more, unless a refused record is still sought."""
        if position >= self._held_until:
            self.records = min(self.most_records, self.records + max(1, self.records // 4))
