"""Gives whole batches of records to a producer of kafka-python, instead of one record at a time.

`KafkaProducer.send` costs some 30 us a record: metadata, partitioner, locks, a future with callbacks. The relay knows
all records of a transaction, and needs one answer for each batch. This module builds the batches that `send` would
build, by kafka-python's own classes, and queues them where `send` would. It depends on inner parts of kafka-python,
whose version is pinned; `tests/kafka/messaging/test_record_batches.py` checks what it relies on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from time import monotonic
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

_MESSAGE_FORMAT: Final = 2


class ProducerRecord(NamedTuple):
    """One record to send, with its topic and partition."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class QueuedBatches:
    """Batches on their way to Kafka."""

    def __init__(self, batches: Iterable[Any]) -> None:
        self._results: dict[Any, None] = {batch.produce_future: None for batch in batches}  # in order, each once
        self._lock = Lock()
        #: The first offset that Kafka has given to the records in each partition, as far as it says so.
        self.offsets: dict[Any, int] = {}

    def replace(self, result: Any, new_result: Any) -> None:
        """Wait for another result: kafka-python splits a batch that is too large for the broker, and sends it again."""
        with self._lock:
            self._results[new_result] = None
            self._results.pop(result, None)

    def wait(self, timeout_s: float) -> None:
        """Wait until Kafka has written every batch. Raises the error of the first one that it has not written."""
        deadline = monotonic() + timeout_s
        while (result := self._first_result()) is not None:
            if not result.wait(deadline - monotonic()):
                raise KafkaTimeoutError(f"Kafka did not confirm the records within {timeout_s:.0f} s")
            with self._lock:
                if result not in self._results:  # its batch was split meanwhile
                    continue
                del self._results[result]
            if result.failed():
                raise result.exception
            offset, _, record_errors = result.value
            if record_errors is not None:
                raise record_errors(0)
            if offset >= 0:
                self.offsets.setdefault(result.topic_partition, offset)

    def _first_result(self) -> Any:
        with self._lock:
            return next(iter(self._results), None)


def queue_records(producer: Any, records: Iterable[ProducerRecord]) -> QueuedBatches:
    """Queue all records of a transaction that has begun. Raises `KafkaError`, and then no record is queued."""
    batches = list(_build_batches(producer, records))
    for batch in batches:
        producer._transaction_manager.maybe_add_partition_to_transaction(batch.topic_partition)
    queued = QueuedBatches(batches)
    accumulator = producer._accumulator
    for batch in batches:
        batch._record_futures = _RecordFutures(batch.record_count, queued, batch.produce_future)
        with accumulator._tp_lock(batch.topic_partition):
            accumulator._batches[batch.topic_partition].append(batch)
            accumulator._incomplete.add(batch)
    producer._sender.wakeup()
    return queued


def _build_batches(producer: Any, records: Iterable[ProducerRecord]) -> Iterator[Any]:
    by_partition: dict[tuple[str, int], list[ProducerRecord]] = {}
    for record in records:
        by_partition.setdefault((record[0], record[1]), []).append(record)
    for topic in {topic for topic, _ in by_partition}:
        producer._wait_on_metadata(topic, producer.config["max_block_ms"])
    config, now = producer._accumulator.config, monotonic()
    for (topic, partition), group in by_partition.items():
        open_batch = None
        for _, _, key, value, headers, timestamp_ms in group:
            if open_batch is None or open_batch.append(timestamp_ms, key, value, headers) is None:
                if open_batch is not None:
                    yield ProducerBatch(TopicPartition(topic, partition), open_batch, now=now)
                open_batch = MemoryRecordsBuilder(_MESSAGE_FORMAT, config["compression_attrs"], config["batch_size"])
                open_batch.append(timestamp_ms, key, value, headers)
        yield ProducerBatch(TopicPartition(topic, partition), open_batch, now=now)


class _RecordFutures:
    """Stands for the list of a batch's futures, which kafka-python uses only to split the batch."""

    def __init__(self, count: int, queued: QueuedBatches, result: Any) -> None:
        self._count = count
        self._queued = queued
        self._result = result

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> _RecordFuture:
        return _RecordFuture(self._queued, self._result)


class _RecordFuture:
    """The future of one record in a batch that is split."""

    def __init__(self, queued: QueuedBatches, result: Any) -> None:
        self._queued = queued
        self._result = result

    def rebind(self, new_result: Any, number: int) -> None:
        """Follow the record into a smaller batch."""
        self._queued.replace(self._result, new_result)
        self._result._latch.set()
        self._result = new_result
