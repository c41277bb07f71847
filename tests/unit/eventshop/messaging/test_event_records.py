"""A row becomes a CloudEvent in structured mode and the same row again, with its receipt; other bytes are refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zlib import crc32

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.event_records import (
    PARTITIONS,
    decode_event,
    decode_record,
    encode_event,
    partition_for,
    record_key,
    record_numbers,
)
from eventshop.messaging.serialization.avro_codec import encode_payload
from eventshop.messaging.serialization.schema_registry import load_envelope_schema
from tests.unit.eventshop.messaging.event_strategies import receipts, rows
from tests.unit.eventshop.messaging.test_avro_codec import SHIPPED

ID = UUID("00000000-0000-4000-8000-000000000001")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROW = EventRow(
    ID, ID, "Order", "OrderShipped", 3, 1, NOON, NOON, ID, None, None, 3, ID, "ada", "{}", SHIPPED, b"h" * 32, 17
)
RECEIPT = ReceiptRow(ID, "ShipOrder", b"p" * 32, ID, "Order", 3, 1, 17, "ada", NOON)
SCHEMA = fastavro.parse_schema(load_envelope_schema())


def read_avro(value: bytes) -> Any:
    """The content of a record as any reader of the published schema gets it."""
    source = io.BytesIO(value)
    event = fastavro.schemaless_reader(source, SCHEMA, None)
    assert not source.read(1)
    return event


def write_avro(attributes: dict[str, Any], data: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, {"attribute": attributes, "data": data})
    return out.getvalue()


@given(data=st.data())
def test_a_row_comes_back_from_its_record_with_its_receipt(data: st.DataObject) -> None:
    row = data.draw(rows(SHIPPED))
    receipt = data.draw(st.none() | receipts(row))
    sequence = data.draw(st.integers(0, 2**63 - 1))
    record = encode_event(row, partition_for(row.aggregate_id), sequence, receipt)
    assert decode_event(record.value, record.headers) == row
    assert decode_record(record.value, record.headers)[1] == receipt
    assert record_numbers(record) == (sequence, row.position)
    assert record.key == record_key(row.aggregate_id, row.version)
    assert record.partition == partition_for(row.aggregate_id)


@given(data=st.data())
def test_any_reader_of_the_published_schema_reads_the_same(data: st.DataObject) -> None:
    """The value is filled into a template, and must be what a general Avro encoder writes."""
    row = data.draw(rows(SHIPPED))
    record = encode_event(row, 1, 5, data.draw(st.none() | receipts(row)))
    event = read_avro(record.value)
    assert event["data"] == encode_payload("OrderShipped", 1, SHIPPED)
    assert (event["attribute"]["id"], event["attribute"]["actor"]) == (str(row.event_id), row.actor)
    assert write_avro(event["attribute"], event["data"]) == record.value


def test_the_attributes_are_those_of_a_cloud_event() -> None:
    """They are read for ever: attributes may be added, never changed."""
    shifted = ROW._replace(occurred_at=NOON.astimezone(timezone(timedelta(hours=2))), causation_id=ID, saga_id=ID)
    record = encode_event(shifted._replace(metadata='{"a":"b"}'), 1, 5, RECEIPT)
    assert record.headers == [("content-type", b"application/cloudevents+avro")]
    assert read_avro(record.value)["attribute"] == {
        "partitionsequence": "0000000000000000005",
        "position": "0000000000000000017",
        "specversion": "1.0",
        "id": str(ID),
        "source": "/eventshop/event-store",
        "type": "OrderShipped",
        "subject": str(ID),
        "time": "2026-01-31T12:00:00.000000Z",
        "datacontenttype": "application/avro",
        "aggregatetype": "Order",
        "schemaversion": 1,
        "streamversion": 3,
        "correlationid": str(ID),
        "correlationsequence": 3,
        "causationid": str(ID),
        "sagaid": str(ID),
        "recordedat": "2026-01-31T12:00:00.000000Z",
        "commandid": str(ID),
        "actor": "ada",
        "metadata": '{"a":"b"}',
        "hash": b"h" * 32,
        "commandtype": "ShipOrder",
        "commandhash": b"p" * 32,
        "commandevents": 1,
    }


def test_what_is_empty_has_no_attribute() -> None:
    attributes = read_avro(encode_event(ROW, 1, 1).value)["attribute"]
    assert {"causationid", "sagaid", "metadata", "commandtype"}.isdisjoint(attributes)


def test_a_record_is_not_larger_than_900_bytes_for_a_payload_of_90() -> None:
    record = encode_event(ROW._replace(causation_id=ID, saga_id=ID), 1, 1, RECEIPT)
    assert len(encode_payload("OrderShipped", 1, SHIPPED)) < 90
    assert len(record.value) < 900


@given(data=st.data())
def test_attributes_in_any_order_and_further_ones_are_read(data: st.DataObject) -> None:
    record = encode_event(ROW._replace(causation_id=ID, metadata='{"a":"b"}'), 1, 5, RECEIPT)
    event = read_avro(record.value)
    names = data.draw(st.permutations(sorted(event["attribute"])))
    value = write_avro({"dataschema": "later", **{name: event["attribute"][name] for name in names}}, event["data"])
    assert decode_event(value, record.headers) == decode_event(record.value, record.headers)
    assert decode_record(value, record.headers)[1] == RECEIPT
    assert record_numbers(record._replace(value=value)) == (5, 17)


def test_only_the_last_event_of_a_command_carries_its_receipt() -> None:
    earlier, last = encode_event(ROW, 1, 1, RECEIPT._replace(position=18)), encode_event(ROW, 1, 1, RECEIPT)
    assert decode_record(earlier.value, earlier.headers)[1] is None
    assert decode_record(last.value, last.headers)[1] == RECEIPT


def test_partitions_and_keys_never_change() -> None:
    """They are written on every event for ever."""
    assert PARTITIONS == 12
    assert partition_for(ID) == crc32(b"00000000-0000-4000-8000-000000000001") % 12 == 1
    assert record_key(ID, 3) == b"00000000-0000-4000-8000-000000000001:0000000003"


@pytest.mark.parametrize("missing", ["id", "type", "streamversion", "position", "correlationid", "hash"])
def test_a_record_without_one_of_our_attributes_is_refused(missing: str) -> None:
    record = encode_event(ROW, 1, 1)
    event = read_avro(record.value)
    del event["attribute"][missing]
    with pytest.raises(BrokenStream, match="not an event record"):
        decode_event(write_avro(event["attribute"], event["data"]), record.headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [("id", "no id"), ("streamversion", "three"), ("time", "yesterday"), ("position", "x"), ("hash", "no bytes")],
)
def test_an_attribute_that_says_nonsense_is_refused(name: str, value: str) -> None:
    record = encode_event(ROW, 1, 1)
    event = read_avro(record.value)
    with pytest.raises(BrokenStream, match="not an event record"):
        decode_event(write_avro({**event["attribute"], name: value}, event["data"]), record.headers)


@given(size=st.integers(0, 2_000))
def test_a_record_that_is_cut_or_lengthened_is_refused(size: int) -> None:
    record = encode_event(ROW, 1, 1, RECEIPT)
    value = (record.value + b"\0" * 2_000)[:size]
    if size != len(record.value):
        with pytest.raises(BrokenStream):
            decode_event(value, record.headers)


@given(position=st.integers(0, 799), byte=st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_a_broken_stream(position: int, byte: int) -> None:
    record = encode_event(ROW, 1, 1, RECEIPT)
    value = bytearray(record.value)
    value[position % len(value)] = byte
    changed = SimpleNamespace(value=bytes(value), headers=record.headers)
    for read in (lambda: decode_event(changed.value, changed.headers), lambda: record_numbers(changed)):
        try:
            read()
        except BrokenStream:
            continue


@given(st.data())
def test_an_event_whose_hash_has_another_size_is_not_published(data: st.DataObject) -> None:
    """Nobody could read the record."""
    row = data.draw(rows(SHIPPED))._replace(hash=data.draw(st.binary(max_size=40).filter(lambda each: len(each) != 32)))
    with pytest.raises(BrokenStream):
        encode_event(row, 1, 1)
