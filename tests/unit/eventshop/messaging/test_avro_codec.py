"""What goes to Kafka comes back byte for byte, today and for ever; anything else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventshop.core.errors import BrokenStream
from eventshop.core.message_registry import registry
from eventshop.core.messages import Event
from eventshop.messaging.serialization.avro_codec import MARKER, decode_payload, encode_payload
from eventshop.messaging.serialization.schema_registry import load_published_schemas, schema_fingerprint
from tests.unit.eventshop.messaging.event_strategies import payloads

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())["values"]
SHIPPED = '{"order_id":"00000000-0000-4000-8000-000000000001","customer_id":null,"carrier":"post","tracking":""}'


EVERY_KIND = pytest.mark.parametrize("kind", registry.events.values(), ids=lambda kind: str(kind.__name__))


def check(kind: type[Event], data: st.DataObject) -> None:
    payload = data.draw(payloads(kind))
    value = encode_payload(registry.name_of(kind), kind.schema_version, payload)
    assert decode_payload(value) == payload


@EVERY_KIND
@settings(max_examples=8)
@given(data=st.data())
def test_any_event_comes_back_from_avro_byte_for_byte(kind: type[Event], data: st.DataObject) -> None:
    check(kind, data)


@pytest.mark.long
@EVERY_KIND
@settings(max_examples=100)
@given(data=st.data())
def test_many_values_of_any_event_come_back_from_avro_byte_for_byte(kind: type[Event], data: st.DataObject) -> None:
    check(kind, data)


@pytest.mark.parametrize("item", list(load_published_schemas()), ids=lambda item: str(item.file_name))
def test_values_of_every_published_version_are_read_for_ever(item: Any) -> None:
    """A failure here means that events in somebody's Kafka can no longer be read: mend the code, not the file."""
    golden = GOLDEN[item.file_name.removesuffix(".avsc")]
    value = bytes.fromhex(golden["avro"])
    assert value.startswith(MARKER + schema_fingerprint(item.schema)[:8])
    assert decode_payload(value) == golden["payload"]
    assert encode_payload(item.event_type, item.schema_version, golden["payload"]) == value


def test_a_payload_that_does_not_fit_its_schema_is_refused() -> None:
    for payload, words in (
        ("{}", "OrderShipped"),
        (SHIPPED.replace('"post"', "7"), "OrderShipped"),
        (SHIPPED.replace("}", ',"more":1}'), "OrderShipped"),
        ("not json", "OrderShipped"),
    ):
        with pytest.raises(BrokenStream, match=words):
            encode_payload("OrderShipped", 1, payload)
    with pytest.raises(BrokenStream) as refused:
        encode_payload("OrderShipped", 99, SHIPPED)
    assert refused.value.data == {"event": "OrderShipped", "schema_version": 99}


def test_bytes_that_are_no_event_of_ours_are_refused_by_name() -> None:
    value = encode_payload("OrderShipped", 1, SHIPPED)
    for foreign, words in (
        (b"", "its schema is unknown"),
        (b"garbage", "its schema is unknown"),
        (MARKER + b"elsewise" + value[10:], "its schema is unknown"),
        (b'{"json":true}', "its schema is unknown"),
        (value[:-1], "not readable"),
        (value[:12], "not readable"),
        (value + b"\0", "trailing bytes"),
    ):
        with pytest.raises(BrokenStream, match=words):
            decode_payload(foreign)
