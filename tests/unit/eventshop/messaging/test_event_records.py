"""A row becomes a record and the same row again, with its receipt; what others wrote is refused by name."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.event_records import (
    PARTITIONS,
    decode_event,
    decode_receipt,
    encode_event,
    partition_for,
    read_int_header,
    record_key,
)
from tests.unit.eventshop.messaging.event_strategies import receipts, rows
from tests.unit.eventshop.messaging.test_avro_codec import SHIPPED

ID = UUID("00000000-0000-4000-8000-000000000001")
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROW = EventRow(
    ID, ID, "Order", "OrderShipped", 3, 1, NOON, NOON, ID, None, None, 3, ID, "ada", "{}", SHIPPED, b"h" * 32, 17
)
RECEIPT = ReceiptRow(ID, "ShipOrder", b"p" * 32, ID, "Order", 3, 1, 17, "ada", NOON)


@given(data=st.data())
def test_a_row_comes_back_from_its_record_with_its_receipt(data: st.DataObject) -> None:
    row = data.draw(rows(SHIPPED))
    receipt = data.draw(st.none() | receipts(row))
    record = encode_event(row, partition_for(row.aggregate_id), 5, receipt)
    assert decode_event(record.value, record.headers) == row
    assert decode_receipt(row, record.headers) == receipt
    assert read_int_header(record.headers, "partition-sequence") == 5
    assert record.key == record_key(row.aggregate_id, row.version)
    assert record.partition == partition_for(row.aggregate_id)


def test_the_headers_are_those_of_a_cloud_event() -> None:
    headers = dict(encode_event(ROW._replace(occurred_at=NOON.astimezone(timezone(timedelta(hours=2)))), 1, 1).headers)
    assert {name: headers[name] for name in headers if name.startswith("ce_")} == {
        "ce_specversion": b"1.0",
        "ce_source": b"/eventshop/event-store",
        "ce_id": str(ID).encode(),
        "ce_type": b"OrderShipped",
        "ce_subject": str(ID).encode(),
        "ce_time": b"2026-01-31T12:00:00.000000+00:00",
    }
    assert headers["content-type"] == b"application/avro"


def test_what_is_empty_has_no_header() -> None:
    headers = dict(encode_event(ROW, 1, 1).headers)
    assert {"causation-id", "saga-id"}.isdisjoint(headers)
    assert {"metadata", "command"}.isdisjoint(json.loads(headers["stored"]))


def test_what_only_restoring_needs_is_one_header_in_json() -> None:
    """It is read for ever: names and forms may be added to, never changed."""
    headers = dict(encode_event(ROW._replace(metadata='{"a":"b"}'), 1, 1, RECEIPT).headers)
    assert json.loads(headers["stored"]) == {
        "aggregate_type": "Order",
        "schema_version": 1,
        "recorded_at": "2026-01-31T12:00:00Z",
        "command_id": str(ID),
        "actor": "ada",
        "hash": b64encode(b"h" * 32).decode(),
        "metadata": '{"a":"b"}',
        "command": {"type": "ShipOrder", "hash": b64encode(b"p" * 32).decode(), "events": 1},
    }


def test_only_the_last_event_of_a_command_carries_its_receipt() -> None:
    assert decode_receipt(ROW, encode_event(ROW, 1, 1, RECEIPT._replace(position=18)).headers) is None
    assert decode_receipt(ROW, encode_event(ROW, 1, 1, RECEIPT).headers) == RECEIPT


def test_partitions_and_keys_never_change() -> None:
    """They are written on every event for ever."""
    assert PARTITIONS == 12
    assert partition_for(ID) == crc32(b"00000000-0000-4000-8000-000000000001") % 12 == 1
    assert record_key(ID, 3) == b"00000000-0000-4000-8000-000000000001:0000000003"


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "version", "position", "correlation-id", "stored"])
def test_a_record_without_one_of_our_headers_is_refused_by_its_name(missing: str) -> None:
    record = encode_event(ROW, 1, 1)
    with pytest.raises(BrokenStream, match=f"the header '{missing}' is missing"):
        decode_event(record.value, [header for header in record.headers if header[0] != missing])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ce_id", b"not an id", "Invalid UUID"),
        ("version", b"three", "invalid literal"),
        ("ce_time", b"yesterday", "Invalid isoformat"),
        ("ce_type", b"\xff", "can't decode"),
        ("stored", b"{}", "missing required field `aggregate_type`"),
        ("stored", None, "bytes-like|expected"),
        ("ce_subject", None, "NoneType"),
    ],
)
def test_a_header_that_says_nonsense_is_refused(name: str, value: bytes | None, words: str) -> None:
    record = encode_event(ROW, 1, 1)
    headers: list[tuple[str, bytes]] = [*record.headers, (name, value)]  # type: ignore[list-item]  # Kafka has nulls
    with pytest.raises(BrokenStream, match=words):
        decode_event(record.value, headers)


def test_half_a_receipt_is_refused() -> None:
    record = encode_event(ROW, 1, 1, RECEIPT)
    stored = json.loads(dict(record.headers)["stored"])
    del stored["command"]["hash"]
    with pytest.raises(BrokenStream, match=r"missing required field `hash` - at `\$.command`"):
        decode_receipt(ROW, [*record.headers, ("stored", json.dumps(stored).encode())])
