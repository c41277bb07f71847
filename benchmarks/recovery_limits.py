"""What a restore cannot be faster than: reading the records, and writing the rows, each alone."""

from __future__ import annotations

from time import perf_counter, process_time

from django.db import connection

from benchmarks.measurement_process import peak_memory_mb
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS


def read_records_only() -> dict[str, float]:
    """Read the whole topic with kafka-python, and drop the records."""
    partitions = clients.topic_partitions(topics.event_store_topic(), PARTITIONS)
    consumer = clients.create_consumer(max_poll_records=10_000)
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    started, cpu = perf_counter(), process_time()
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        consumer.poll(timeout_ms=clients.POLL_MS)
    result = _result(started, cpu)
    consumer.close(autocommit=False)
    return result


def copy_rows_only() -> dict[str, float]:
    """Copy events and receipts into tables with the same indexes, without triggers, inside PostgreSQL's connections."""
    with connection.cursor() as cursor:
        for table in ("event", "receipt"):
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING INDEXES)")
    started, cpu = perf_counter(), process_time()
    source, target = connection.connection, connection.copy().get_new_connection(connection.get_connection_params())
    for table in ("event", "receipt"):
        with (
            source.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as rows,
            target.cursor().copy(f"COPY bare_{table} FROM STDIN (FORMAT binary)") as copy,
        ):
            for block in rows:
                copy.write(block)
    target.commit()
    target.close()
    return _result(started, cpu)


def _result(started: float, cpu: float) -> dict[str, float]:
    return {"seconds": perf_counter() - started, "cpu_s": process_time() - cpu, "memory_mb": peak_memory_mb()}
