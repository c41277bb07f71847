"""Transactions of ours that Kafka has forgotten to end: noticed, and ended, so that nobody waits for them for ever.

Kafka's coordinator decides a commit, answers it, and then marks the end of the transaction in each partition. A broker
that is killed in between does so when it is back, unless it does not know yet who leads a partition: then it takes that
partition for deleted and never marks it (seen with Kafka 4.3.1 and one broker at every third SIGKILL right behind a
commit; its log says "these partitions are likely deleted already"). The transaction hangs: what it wrote, and
everything behind it, stays invisible to whoever reads committed records only. Kafka's own tools can only abort it.

Ours may lie visible in other partitions already, and may have been confirmed. So it is committed if either is so, and
aborted if not: then nobody has seen any of it, and it is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any, Final

from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.topic_end import read_last_records

log = logging.getLogger(__name__)

#: How long Kafka may take to show what it has committed before it is looked whether it ever will.
MARKER_WAIT_S: Final = 3.0
#: How often a leader looks whether what it wrote is shown, and how long that may take before it begins again.
CHECK_INTERVAL_S: Final = 2.0
STALL_LIMIT_S: Final = 10.0
_READ_TIMEOUT_S: Final = 10.0
#: Whoever asks has other things to do.
_REQUEST_TIMEOUT_MS: Final = 5_000

#: The position that a record says, in the order in which its producer sends: later transactions say higher ones.
RecordPosition = Callable[[Any], int]


class StalledVisibilityMonitor:
    """What lies on some topics, written but not shown to readers: looked for now and then by whoever writes there."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """`topics` with their numbers of partitions."""
        self.partitions = [part for topic, count in topics.items() for part in clients.topic_partitions(topic, count)]
        self._uncommitted_reader = clients.create_consumer(
            isolation_level="read_uncommitted", request_timeout_ms=_REQUEST_TIMEOUT_MS
        )
        self._committed_reader = clients.create_consumer(request_timeout_ms=_REQUEST_TIMEOUT_MS)
        self._expected_ends: Mapping[Any, int] = {}
        self._since = 0.0
        self._next_check = monotonic() + CHECK_INTERVAL_S

    def stalled_partitions(self) -> list[Any]:
        """The partitions that do not show everything that is written there. Raises `KafkaAway`."""
        with clients.translate_errors():
            written = self._uncommitted_reader.end_offsets(self.partitions)
            return self._find_stalled(written)

    def check(self) -> None:
        """Raises `KafkaAway` when something written is not shown for long; costs nothing most of the time."""
        now = monotonic()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_INTERVAL_S
        with clients.translate_errors():
            if not self._expected_ends:
                self._expected_ends, self._since = self._uncommitted_reader.end_offsets(self.partitions), now
            late = self._find_stalled(self._expected_ends)
        if not late:
            self._expected_ends = {}
        elif now - self._since > STALL_LIMIT_S:
            raise clients.KafkaUnavailable(f"Kafka does not show what was committed to {_format_partitions(late)}")

    def close(self) -> None:
        self._uncommitted_reader.close(autocommit=False)
        self._committed_reader.close(autocommit=False)

    def _find_stalled(self, written: Mapping[Any, int]) -> list[Any]:
        shown = self._committed_reader.end_offsets(self.partitions)
        return [part for part in self.partitions if shown[part] < written[part]]


def end_hanging_transactions(
    transactional_id: str, topics: Mapping[str, int], *, position_of: RecordPosition, confirmed: int
) -> int:
    """End what hangs of a producer's transactions; in how many partitions something did.

    For a producer that has just fenced its predecessors: whatever it has open anywhere can only hang. `topics`, with
    their numbers of partitions, are all that it writes to; up to `confirmed` Kafka is known to have confirmed its
    commits. Transactions of other producers are left to them. Raises `KafkaAway`.
    """
    unshown = StalledVisibilityMonitor(topics)
    try:
        give_up = monotonic() + MARKER_WAIT_S
        while (late := unshown.stalled_partitions()) and monotonic() < give_up:
            sleep(0.05)
    finally:
        unshown.close()
    hanging = clients.find_open_transactions(transactional_id, late) if late else {}
    if not hanging:
        return 0
    first = min(
        position_of(_read_record(part, begun.current_transaction_start_offset)) for part, begun in hanging.items()
    )
    shown = [
        position_of(record) for topic, count in topics.items() for record in read_last_records(topic, count).values()
    ]
    commit = first <= max([confirmed, *shown])
    log.error(
        "a transaction of %s hangs in %s; %s it, as position %s is %s",
        transactional_id,
        _format_partitions(hanging),
        "committing" if commit else "aborting",
        first,
        "confirmed, or shown elsewhere" if commit else "neither confirmed nor shown anywhere",
    )
    clients.end_transactions(hanging, commit=commit)
    return len(hanging)


def _read_record(partition: Any, offset: int) -> Any:
    """The record at an offset, or the first one behind it, committed or not."""
    reader = clients.create_consumer(isolation_level="read_uncommitted")
    try:
        reader.assign([partition])
        reader.seek(partition, offset)
        give_up = monotonic() + _READ_TIMEOUT_S
        while monotonic() < give_up:
            if found := reader.poll(timeout_ms=200, max_records=1).get(partition):
                return found[0]
        raise clients.KafkaUnavailable(f"Kafka does not give offset {offset} of {_format_partitions([partition])}")
    finally:
        reader.close(autocommit=False)


def _format_partitions(partitions: Any) -> str:
    return ", ".join(f"{part.topic}/{part.partition}" for part in sorted(partitions))
