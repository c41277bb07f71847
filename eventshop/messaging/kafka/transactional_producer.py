"""Sends records to Kafka in transactions: all records of a batch become visible together, or none does.

All code that writes to Kafka uses this producer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from eventshop.messaging.kafka import clients, publish_faults
from eventshop.messaging.kafka.publish_faults import Fault
from eventshop.messaging.kafka.record_batches import ProducerRecord, queue_records
from eventshop.runtime.fault_injection import crash_during, crash_point
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: commit_transaction() has no timeout and may hang for ever when the broker is gone. After this time the process ends.
TRANSACTION_TIMEOUT_S: Final = 30.0


class TransactionalProducer:
    """A transactional producer. After any exception it is unusable: close it and open a new one.

    `name` prefixes the names of its crash points, for example `relay.before-send`.
    """

    def __init__(self, name: str, transactional_id: str, watchdog: Watchdog) -> None:
        self.name = name
        self.transactional_id = transactional_id
        self.watchdog = watchdog
        self.producer: Any = None
        self._has_timed_out = False
        #: The lowest offset that the next record in a partition can get.
        self._next_offsets: dict[Any, int] = {}

    def open(self) -> None:
        """Connect, and fence all earlier producers with this transactional id.

        Kafka aborts their open transactions and rejects their later writes. So read the state of a topic only after
        this call. Raises `KafkaUnavailable`.
        """
        self.producer = clients.create_producer(self.transactional_id)
        with self.watchdog.deadline(clients.timeout_s(TRANSACTION_TIMEOUT_S), "init_transactions"):
            self.producer.init_transactions()

    def publish(self, records: Iterable[ProducerRecord], *, while_in_flight: Callable[[], None] = lambda: None) -> None:
        """Send the records and commit. After an exception they may or may not be in Kafka: read the topic's end.

        `while_in_flight` is called while the records are on their way to Kafka, before this waits for any of them.
        Raises `KafkaError`, and `KafkaUnavailable` where Kafka gives an offset a second time.
        """
        crash_point(f"{self.name}.before-send")
        with self.watchdog.deadline(clients.timeout_s(TRANSACTION_TIMEOUT_S), "a transaction"):
            self.producer.begin_transaction()
            queued = queue_records(self.producer, records)
            crash_point(f"{self.name}.mid-send")
            while_in_flight()
            # kafka-python commits a transaction even if a record in it failed, so every batch is waited for.
            try:
                queued.wait(clients.timeout_s(TRANSACTION_TIMEOUT_S / 2))
            except clients.KafkaError as error:
                self._has_timed_out = publish_faults.classify(error) is Fault.TIMEOUT
                raise
            self._refuse_lower_offsets(queued.offsets)
            crash_point(f"{self.name}.before-commit")
            with crash_during(f"{self.name}.during-commit"):
                self.producer.commit_transaction()

    def expect_offsets(self, ends: Mapping[Any, int]) -> None:
        """Tell where the partitions end, so that records in a topic that was made anew meanwhile are not committed."""
        self._next_offsets = dict(ends)

    def _refuse_lower_offsets(self, offsets: Mapping[Any, int]) -> None:
        """A topic that was made anew takes the records of an old producer, from its first offset on."""
        for partition, offset in offsets.items():
            if offset < self._next_offsets.get(partition, 0):
                raise clients.KafkaUnavailable(
                    f"{partition.topic}/{partition.partition} has given offset {offset} to a new record, and had given "
                    "it before: the topic was made anew, or has lost records"
                )
            self._next_offsets[partition] = offset + 1

    def close(self) -> None:
        """Discard the producer. Abort an open transaction, so that readers need not wait for its timeout."""
        if self.producer is None:
            return
        if not self._has_timed_out:  # brokers that do not answer would hold up this thread: `open` aborts it later
            self._abort_transaction()
        self.producer.close(timeout=0)
        self.producer = None

    def _abort_transaction(self) -> None:
        try:
            with self.watchdog.deadline(clients.timeout_s(TRANSACTION_TIMEOUT_S), "abort_transaction"):
                self.producer.abort_transaction()
        except Exception as error:  # in most states it may not be aborted: then there is nothing to abort
            log.debug("no transaction to abort: %s", error)
