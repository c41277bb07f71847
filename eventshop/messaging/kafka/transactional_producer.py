"""The one allowed way to put records into Kafka: all of a batch in one transaction, or none of it (mechanics 1.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from eventshop.messaging.kafka import clients
from eventshop.runtime.fault_injection import crash_during, crash_point
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: commit_transaction() has no timeout of its own and may hang for ever with the broker gone: then this process ends.
TRANSACTION_TIMEOUT_S: Final = 30.0


class ProducerRecord(NamedTuple):
    """One record to send, and exactly where."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class TransactionalProducer:
    """A transactional producer's life. After any exception it is of no more use: close it, and open another one.

    `name` begins the names of its crash points: `relay.before-send` and so on.
    """

    def __init__(self, name: str, transactional_id: str, watchdog: Watchdog) -> None:
        self.name = name
        self.transactional_id = transactional_id
        self.watchdog = watchdog
        self.producer: Any = None

    def open(self) -> None:
        """Fence whoever used this transactional id before: what they left open is aborted, nothing of theirs comes
        later. Only now may it be read what is in Kafka. Raises `KafkaAway`.
        """
        self.producer = clients.create_producer(self.transactional_id)
        with self.watchdog.deadline(TRANSACTION_TIMEOUT_S, "init_transactions"):
            self.producer.init_transactions()

    def publish(
        self, records: Iterable[ProducerRecord], count: int, *, while_in_flight: Callable[[], None] = lambda: None
    ) -> None:
        """Send `count` records and commit. An exception does not say whether they are in Kafka; its tail does.

        `meanwhile` is called while the records are on their way to Kafka, before anything is waited for.
        """
        send, middle = self.producer.send, count // 2
        crash_point(f"{self.name}.before-send")
        with self.watchdog.deadline(TRANSACTION_TIMEOUT_S, "a transaction"):
            self.producer.begin_transaction()
            sent = []
            for number, record in enumerate(records):
                if number == middle:
                    crash_point(f"{self.name}.mid-send")
                topic, partition, key, value, headers, timestamp_ms = record
                sent.append(
                    send(topic, value=value, key=key, headers=headers, partition=partition, timestamp_ms=timestamp_ms)
                )
            while_in_flight()
            self.producer.flush(timeout=TRANSACTION_TIMEOUT_S / 2)
            # kafka-python commits a transaction although a record in it failed: each future has to be asked.
            for future in sent:
                future.get(timeout=0.001)
            crash_point(f"{self.name}.before-commit")
            with crash_during(f"{self.name}.during-commit"):
                self.producer.commit_transaction()

    def close(self) -> None:
        """Throw the producer away; an open transaction is aborted so that readers need not wait for its timeout."""
        if self.producer is None:
            return
        try:
            with self.watchdog.deadline(TRANSACTION_TIMEOUT_S, "abort_transaction"):
                self.producer.abort_transaction()
        except Exception as error:  # in most states it may not be aborted: then there is nothing to abort
            log.debug("no transaction to abort: %s", error)
        self.producer.close(timeout=0)
        self.producer = None
