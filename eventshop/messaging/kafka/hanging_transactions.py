"""Finds and ends transactions that Kafka has failed to end, so that readers do not wait for them for ever.

Kafka's coordinator decides a commit, confirms it, and then writes an end marker to each partition. A broker that is
killed in between writes the markers after its restart, unless it does not know the leader of a partition yet: then it
treats that partition as deleted and never writes its marker (seen with Kafka 4.3.1 and one broker at every third
SIGKILL right after a commit; its log says "these partitions are likely deleted already"). The transaction hangs: its
records, and all records after them, stay invisible to consumers that read committed records only. Kafka's own tools can
only abort such a transaction.

The relay's transaction may already be visible in other partitions, and it may have been confirmed. In both cases it is
committed. Otherwise no reader has seen any part of it: it is aborted, and its events are sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any, Final

from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.topic_end import read_last_records

log = logging.getLogger(__name__)

#: How long Kafka may take to write the end markers of committed transactions before they are suspected to hang.
MARKER_WAIT_S: Final = 3.0
#: How often a leader checks that its records are visible, and how long they may be invisible before it starts again.
CHECK_INTERVAL_S: Final = 2.0
STALL_LIMIT_S: Final = 10.0
_READ_TIMEOUT_S: Final = 10.0
#: Short, because a check interrupts the leader's work.
_REQUEST_TIMEOUT_S: Final = 5.0

#: Reads the position from a record. A producer's later transactions have higher positions.
RecordPosition = Callable[[Any], int]


class StalledVisibilityMonitor:
    """Detects records that are written to some topics but stay invisible to readers of committed records."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """Monitor `topics`, a mapping of topic names to their numbers of partitions."""
        self.partitions = [
            partition for topic, count in topics.items() for partition in clients.topic_partitions(topic, count)
        ]
        self._uncommitted_reader = clients.create_consumer(
            isolation_level="read_uncommitted", request_timeout_s=_REQUEST_TIMEOUT_S
        )
        self._committed_reader = clients.create_consumer(request_timeout_s=_REQUEST_TIMEOUT_S)
        self._expected_ends: Mapping[Any, int] = {}
        self._last_ends: Mapping[Any, int] = {}
        self._since = 0.0
        self._next_check = monotonic() + CHECK_INTERVAL_S
        self._published = self._visible_up_to = -1  # the former when the expected ends were read

    def stalled_partitions(self) -> list[Any]:
        """The partitions that hold records which are not visible now. Raises `KafkaUnavailable`."""
        with clients.translate_errors():
            written = self._uncommitted_reader.end_offsets(self.partitions)
            return self._find_stalled(written)

    def check(self, published: int) -> None:
        """Raise `KafkaUnavailable` if records stay invisible for too long. Most calls return at once.

        `published` is the position up to which the caller has published. While it stays the same, Kafka is asked once.
        """
        now = monotonic()
        if now < self._next_check or (published == self._visible_up_to and not self._expected_ends):
            return
        self._next_check = now + CHECK_INTERVAL_S
        with clients.translate_errors():
            if not self._expected_ends:
                self._published = published
                self._expected_ends, self._since = self._uncommitted_reader.end_offsets(self.partitions), now
            stalled = self._find_stalled(self._expected_ends)
        if not stalled:
            self._expected_ends, self._visible_up_to = {}, self._published
        elif now - self._since > STALL_LIMIT_S:
            raise clients.KafkaUnavailable(
                f"Kafka does not show the records that were committed to {_format_partitions(stalled)}"
            )

    def end_offsets(self) -> Mapping[Any, int]:
        """The end of each partition after everything written. Raises `KafkaUnavailable`."""
        with clients.translate_errors():
            ends: Mapping[Any, int] = self._uncommitted_reader.end_offsets(self.partitions)
        return ends

    def shrunk_partitions(self) -> list[Any]:
        """The partitions that end earlier than when this was asked before. Raises `KafkaUnavailable`."""
        before, self._last_ends = self._last_ends, self.end_offsets()
        return [partition for partition in self.partitions if self._last_ends[partition] < before.get(partition, 0)]

    def count_deleted(self, topic: str) -> int:
        """The offsets before the beginnings of the partitions of a topic. Raises `KafkaUnavailable`.

        Compaction leaves a partition's beginning where it is; only retention and `delete_records` move it.
        """
        # All partitions, always: kafka-python drops those of a topic that it did not ask about before.
        with clients.translate_errors():
            begins = self._committed_reader.beginning_offsets(self.partitions)
        return sum(begins[partition] for partition in self.partitions if partition.topic == topic)

    def close(self) -> None:
        """Close both consumers."""
        self._uncommitted_reader.close(autocommit=False)
        self._committed_reader.close(autocommit=False)

    def _find_stalled(self, written: Mapping[Any, int]) -> list[Any]:
        visible = self._committed_reader.end_offsets(self.partitions)
        return [partition for partition in self.partitions if visible[partition] < written[partition]]


def end_hanging_transactions(
    transactional_id: str, topics: Mapping[str, int], *, position_of: RecordPosition, confirmed: int
) -> int:
    """Commit or abort a producer's hanging transaction; return the number of partitions in which it hung.

    Call it after this producer has fenced its predecessors: any transaction still open under its id can only hang.
    `topics` maps all topics that the producer writes to, to their numbers of partitions. Kafka has confirmed commits up
    to the position `confirmed`. Transactions of other producers are not touched. Raises `KafkaUnavailable`.
    """
    monitor = StalledVisibilityMonitor(topics)
    try:
        deadline = monotonic() + MARKER_WAIT_S
        while (stalled := monitor.stalled_partitions()) and monotonic() < deadline:
            sleep(0.05)
    finally:
        monitor.close()
    hanging = clients.find_open_transactions(transactional_id, stalled) if stalled else {}
    if not hanging:
        return 0
    first_position = min(
        position_of(_read_record(partition, state.current_transaction_start_offset))
        for partition, state in hanging.items()
    )
    visible_positions = [
        position_of(record) for topic, count in topics.items() for record in read_last_records(topic, count).values()
    ]
    commit = first_position <= max([confirmed, *visible_positions])
    log.error(
        "a transaction of %s hangs in %s; %s it, as position %s is %s",
        transactional_id,
        _format_partitions(hanging),
        "committing" if commit else "aborting",
        first_position,
        "confirmed, or visible in another partition" if commit else "neither confirmed nor visible in any partition",
    )
    clients.end_transactions(hanging, commit=commit)
    return len(hanging)


def _read_record(partition: Any, offset: int) -> Any:
    """Read the record at an offset, or the first one after it, committed or not."""
    reader = clients.create_consumer(isolation_level="read_uncommitted")
    try:
        reader.assign([partition])
        reader.seek(partition, offset)
        timeout_s = clients.timeout_s(_READ_TIMEOUT_S)
        deadline = monotonic() + timeout_s
        while monotonic() < deadline:
            if records := reader.poll(timeout_ms=200, max_records=1).get(partition):
                return records[0]
        raise clients.KafkaUnavailable(
            f"Kafka did not return the record at offset {offset} of {_format_partitions([partition])} "
            f"within {timeout_s:.0f} s"
        )
    finally:
        reader.close(autocommit=False)


def _format_partitions(partitions: Any) -> str:
    return ", ".join(f"{partition.topic}/{partition.partition}" for partition in sorted(partitions))
