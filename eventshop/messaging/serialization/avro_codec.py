"""Encodes event payloads in Avro's single-object encoding, and decodes them to the exact JSON text that was hashed."""

from __future__ import annotations

import io
from functools import lru_cache, partial
from typing import Any, Final

import fastavro
import msgspec

from eventshop.core.errors import BrokenStream
from eventshop.messaging.serialization.avro_writer import NotCompiled, WriteValue, compile_writer
from eventshop.messaging.serialization.schema_registry import (
    PublishedSchema,
    Schema,
    load_published_schemas,
    schema_fingerprint,
)

#: Avro 1.12, "Single-object encoding": these two bytes, 8 bytes that identify the schema, the value. The schema is
#: identified by the start of its SHA-256 fingerprint instead of CRC-64, which ignores defaults and logical types.
MARKER: Final = b"\xc3\x01"
_HEADER: Final = 10
_decode_json: Final = msgspec.json.Decoder().decode


class _AvroCodec:
    """Schemas to write with, by event type and version; schemas to read with, by the prefix of the value."""

    def __init__(self, schemas: list[PublishedSchema]) -> None:
        self.writers: dict[tuple[str, int], tuple[bytes, WriteValue]] = {}
        self.readers: dict[bytes, Schema] = {}
        for published in schemas:
            prefix = MARKER + schema_fingerprint(published.schema)[:8]
            parsed = fastavro.parse_schema(_strip_logical_types(published.schema))
            self.writers[published.event_type, published.schema_version] = prefix, _create_writer(parsed)
            self.readers[prefix] = parsed


def _create_writer(schema: Schema) -> WriteValue:
    try:
        return compile_writer(schema)
    except NotCompiled:
        return partial(_write_with_fastavro, schema)


def _write_with_fastavro(schema: Schema, value: Any, out: list[bytes]) -> None:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value, strict=True)
    out.append(buffer.getvalue())


def _strip_logical_types(schema: Schema) -> Schema:
    """Remove the logical types, so that an id remains the text that it is in JSON."""
    if isinstance(schema, dict):
        return {name: _strip_logical_types(part) for name, part in schema.items() if name != "logicalType"}
    return [_strip_logical_types(part) for part in schema] if isinstance(schema, list) else schema


class UnknownSchema(BrokenStream):
    """The value names a schema that this program does not have: a newer release wrote it, or it is no event."""

    code = "unknown-schema"


@lru_cache(maxsize=1)
def _codec() -> _AvroCodec:
    return _AvroCodec(list(load_published_schemas()))


def encode_payload(event_type: str, schema_version: int, payload: str) -> bytes:
    """Encode a stored payload as an Avro value; raises `BrokenStream` when it does not fit its published schema."""
    writer = _codec().writers.get((event_type, schema_version))
    if writer is None:
        raise BrokenStream("this version has no published schema", event=event_type, schema_version=schema_version)
    prefix, write_value = writer
    out = [prefix]
    try:
        write_value(_decode_json(payload), out)
    except (KeyError, ValueError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"{event_type}: {error}", event=event_type, schema_version=schema_version) from error
    return b"".join(out)


def decode_payload(value: bytes) -> str:
    """Decode a payload to the stored text; raises `UnknownSchema`, and `BrokenStream` for invalid bytes."""
    schema = _codec().readers.get(value[:_HEADER])
    if schema is None:
        raise UnknownSchema("not an event: its schema is unknown", starts_with=value[:_HEADER].hex())
    source = io.BytesIO(value)
    source.seek(_HEADER)
    try:
        payload = fastavro.schemaless_reader(source, schema, None)
    except Exception as error:  # fastavro raises many types of errors for invalid bytes
        raise BrokenStream(f"not readable with its schema: {type(error).__name__}: {error}") from error
    if source.read(1):
        raise BrokenStream("the value has trailing bytes after the event")
    return msgspec.json.encode(payload).decode()
