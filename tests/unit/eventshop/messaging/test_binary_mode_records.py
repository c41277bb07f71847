"""Records of before the structured mode are read as they were written; what others wrote is refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import BrokenStream
from eventshop.messaging.kafka.binary_mode_records import encode_headers
from eventshop.messaging.kafka.event_records import decode_event, decode_record, record_numbers
from eventshop.messaging.serialization.avro_codec import encode_payload
from tests.unit.eventshop.messaging.event_strategies import receipts, rows
from tests.unit.eventshop.messaging.test_avro_codec import SHIPPED
from tests.unit.eventshop.messaging.test_event_records import ID, RECEIPT, ROW

VALUE = encode_payload("OrderShipped", 1, SHIPPED)


@given(data=st.data())
def test_a_row_comes_back_from_its_record_with_its_receipt(data: st.DataObject) -> None:
    row = data.draw(rows(SHIPPED))
    receipt = data.draw(st.none() | receipts(row))
    headers = encode_headers(row, 5, receipt)
    assert decode_event(VALUE, headers) == row
    assert decode_record(VALUE, headers)[1] == receipt
    assert record_numbers(SimpleNamespace(value=VALUE, headers=headers)) == (5, row.position)


def test_the_headers_are_those_of_a_cloud_event() -> None:
    headers = dict(encode_headers(ROW._replace(occurred_at=datetime(2026, 1, 31, 12, tzinfo=UTC)), 1, None))
    assert {name: headers[name] for name in headers if name.startswith("ce_")} == {
        "ce_specversion": b"1.0",
        "ce_source": b"/eventshop/event-store",
        "ce_id": str(ID).encode(),
        "ce_type": b"OrderShipped",
        "ce_subject": str(ID).encode(),
        "ce_time": b"2026-01-31T12:00:00.000000+00:00",
    }
    assert headers["content-type"] == b"application/avro"
    assert {"causation-id", "saga-id"}.isdisjoint(headers)


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "version", "position", "correlation-id", "stored"])
def test_a_record_without_one_of_our_headers_is_refused_by_its_name(missing: str) -> None:
    headers = [header for header in encode_headers(ROW, 1, None) if header[0] != missing]
    with pytest.raises(BrokenStream, match=f"the header '{missing}' is missing"):
        decode_event(VALUE, headers)


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
    headers: list[tuple[str, bytes]] = [*encode_headers(ROW, 1, None), (name, value)]  # type: ignore[list-item]
    with pytest.raises(BrokenStream, match=words):
        decode_event(VALUE, headers)


def test_half_a_receipt_is_refused() -> None:
    headers = encode_headers(ROW, 1, RECEIPT)
    stored = json.loads(dict(headers)["stored"])
    del stored["command"]["hash"]
    with pytest.raises(BrokenStream, match=r"missing required field `hash` - at `\$.command`"):
        decode_record(VALUE, [*headers, ("stored", json.dumps(stored).encode())])


def test_a_tombstone_has_its_numbers_in_headers() -> None:
    headers = [("partition-sequence", b"5"), ("position", b"17")]
    assert record_numbers(SimpleNamespace(value=None, headers=headers)) == (5, 17)
    for wrong, words in ((headers[:1], "'position' is missing"), ([*headers[:1], ("position", b"x")], "invalid")):
        with pytest.raises(BrokenStream, match=words):
            record_numbers(SimpleNamespace(value=None, headers=wrong))
