"""Decodes the CloudEvent of an event (`cloud_event_layout.py`)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from struct import error as StructError
from typing import Any, Final
from uuid import UUID

import fastavro
import msgspec

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.records import EventRow
from eventshop.messaging.serialization import avro_codec
from eventshop.messaging.serialization import cloud_event_layout as layout
from eventshop.messaging.serialization.cloud_event_layout import CloudEvent, Command
from eventshop.messaging.serialization.schema_registry import load_envelope_schema

_decode_fixed: Final = msgspec.json.Decoder(tuple[UUID, UUID, UUID, UUID, datetime, datetime]).decode


#: The attributes of the columns of an event, up to `metadata`.
_ATTRIBUTES: Final = (
    "id",
    "subject",
    "aggregatetype",
    "type",
    "streamversion",
    "schemaversion",
    "time",
    "recordedat",
    "correlationid",
    "causationid",
    "sagaid",
    "correlationsequence",
    "commandid",
    "actor",
)


_DECODING_ERRORS: Final = (KeyError, ValueError, TypeError, IndexError, msgspec.DecodeError)


class _OtherOrder(Exception):
    """The attributes are not in the order in which the encoder writes them."""


def read_numbers(value: bytes) -> tuple[int, int]:
    """Read the partition sequence and the position without decoding the rest; raises `BrokenStream`."""
    try:
        if len(value) >= layout.NUMBERS.size:
            first, sequence, second, position = layout.NUMBERS.unpack_from(value)
            if (first, second) == layout.FIXED_PART_NAMES[:2]:
                return int(sequence), int(position)
        attributes, _ = _decode_any_order(value)
        return int(attributes["partitionsequence"]), int(attributes["position"])
    except _DECODING_ERRORS as error:
        raise _not_an_event(error) from error


def decode_cloud_event(value: bytes) -> CloudEvent:
    """Decode an event; raises `BrokenStream` for other bytes, and for a payload that does not fit its schema."""
    try:
        try:
            return _decode_in_order(value)
        except _OtherOrder:
            return _decode_attributes(*_decode_any_order(value))
    except _DECODING_ERRORS as error:
        raise _not_an_event(error) from error


def _not_an_event(error: Exception) -> BrokenStream:
    reason = f"the attribute {error} is missing" if isinstance(error, KeyError) else error
    return BrokenStream(f"not an event record: {reason}")


def _decode_in_order(value: bytes) -> CloudEvent:
    try:
        parts = layout.FIXED_PART.unpack_from(value)
    except StructError as error:
        raise _OtherOrder from error
    if parts[::2] != layout.FIXED_PART_NAMES:
        raise _OtherOrder
    position, event_hash = int(parts[3]), parts[17]
    ids_and_times = b'["%b"]' % b'","'.join(parts[5:17:2])
    event_id, aggregate_id, correlation_id, command_id, occurred_at, recorded_at = _decode_fixed(ids_and_times)
    types_end = value.find(layout.STREAM_VERSION, layout.FIXED_PART.size)
    event_type, aggregate_type, schema_version = _decode_types(value[layout.FIXED_PART.size : types_end])
    version, offset = _read_number(value, types_end + len(layout.STREAM_VERSION))
    sequence, offset = _read_number(value, _pass(value, offset, layout.SEQUENCE))
    actor, offset = _read_text(value, _pass(value, offset, layout.ACTOR))
    causation_id = saga_id = command = None
    metadata = "{}"
    if value.startswith(layout.CAUSATION_ID, offset):
        causation_id, offset = _read_id(value, offset + len(layout.CAUSATION_ID))
    if value.startswith(layout.SAGA_ID, offset):
        saga_id, offset = _read_id(value, offset + len(layout.SAGA_ID))
    if value.startswith(layout.METADATA, offset):
        metadata, offset = _read_text(value, offset + len(layout.METADATA))
    if value.startswith(layout.COMMAND_TYPE, offset):
        command_type, offset = _read_text(value, offset + len(layout.COMMAND_TYPE))
        size, start = _read_number(value, _pass(value, offset, layout.COMMAND_HASH))
        events, offset = _read_number(value, _pass(value, start + size, layout.COMMAND_EVENTS))
        command = Command(command_type, value[start : start + size], events)
    size, offset = _read_number(value, _pass(value, offset, layout.END))
    if offset + size != len(value):
        raise ValueError(f"{len(value) - offset} bytes follow the attributes, not {size}")
    row = EventRow(
        event_id,
        aggregate_id,
        aggregate_type,
        event_type,
        version,
        schema_version,
        occurred_at,
        recorded_at,
        correlation_id,
        causation_id,
        saga_id,
        sequence,
        command_id,
        actor,
        metadata,
        avro_codec.decode_payload(value[offset:]),
        event_hash,
        position,
    )
    return CloudEvent(row, command)


@lru_cache(maxsize=1_000)
def _decode_types(names: bytes) -> tuple[str, str, int]:
    event_type, offset = _read_text(names, _pass(names, 0, layout.TYPE))
    aggregate_type, offset = _read_text(names, _pass(names, offset, layout.AGGREGATE_TYPE))
    schema_version, offset = _read_number(names, _pass(names, offset, layout.SCHEMA_VERSION))
    if offset != len(names):
        raise _OtherOrder
    return event_type, aggregate_type, schema_version


def _pass(value: bytes, offset: int, name: bytes) -> int:
    """The offset after the name of an attribute, which must be the next one."""
    if not value.startswith(name, offset):
        raise _OtherOrder
    return offset + len(name)


def _read_number(value: bytes, offset: int) -> tuple[int, int]:
    """An Avro number, and the offset after it."""
    byte = value[offset]
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), offset + 1
    number, shift = byte & 0x7F, 7
    while byte > 0x7F:
        offset += 1
        byte = value[offset]
        number |= (byte & 0x7F) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), offset + 1


def _read_text(value: bytes, offset: int) -> tuple[str, int]:
    size, start = _read_number(value, offset)
    if size < 0:
        raise ValueError(f"a text of {size} bytes")
    return value[start : start + size].decode(), start + size


def _read_id(value: bytes, offset: int) -> tuple[UUID, int]:
    return msgspec.convert(value[offset : offset + 36].decode(), UUID), offset + 36


@lru_cache(maxsize=1)
def _schema() -> Any:
    return fastavro.parse_schema(load_envelope_schema())


def _decode_any_order(value: bytes) -> tuple[Mapping[str, Any], bytes]:
    """Decode the attributes and the payload with the general decoder."""
    source = io.BytesIO(value)
    try:
        event: Any = fastavro.schemaless_reader(source, _schema(), None)
        attributes, data = event["attribute"], event["data"]
    except Exception as error:  # fastavro raises many types of errors for invalid bytes
        raise ValueError(f"no CloudEvent in Avro: {type(error).__name__}: {error}") from error
    if source.read(1):
        raise ValueError("bytes follow the event")
    return attributes, data


def _decode_attributes(attributes: Mapping[str, Any], data: bytes) -> CloudEvent:
    """The event of attributes in any order; further attributes are ignored."""
    columns = [attributes.get(name) for name in _ATTRIBUTES]
    payload, position = avro_codec.decode_payload(data), int(attributes["position"])
    row = msgspec.convert([*columns, attributes.get("metadata", "{}"), payload, attributes["hash"], position], EventRow)
    command = None
    if "commandtype" in attributes:
        names = ("commandtype", "commandhash", "commandevents")
        command = msgspec.convert([attributes[name] for name in names], Command)
    return CloudEvent(row, command)
