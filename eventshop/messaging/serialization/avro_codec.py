"""Event payloads in Avro's single-object encoding, and back to the very JSON text that was hashed."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Final

import fastavro
import msgspec

from eventshop.core.errors import BrokenStream
from eventshop.messaging.serialization.schema_registry import (
    PublishedSchema,
    Schema,
    load_published_schemas,
    schema_fingerprint,
)

#: Avro 1.12, "Single-object encoding": these two bytes, 8 bytes that name the schema, the value. The name is the start
#: of our own identity instead of CRC-64, which cannot tell two scales or defaults apart.
MARKER: Final = b"\xc3\x01"
_HEADER: Final = 10


class _AvroCodec:
    """Writers by event type and version, readers by the schema's name in the value."""

    def __init__(self, schemas: list[PublishedSchema]) -> None:
        self.writers: dict[tuple[str, int], tuple[bytes, Schema]] = {}
        self.readers: dict[bytes, Schema] = {}
        for item in schemas:
            prefix = MARKER + schema_fingerprint(item.schema)[:8]
            parsed = fastavro.parse_schema(_strip_logical_types(item.schema))
            self.writers[item.event_type, item.schema_version] = prefix, parsed
            self.readers[prefix] = parsed


def _strip_logical_types(schema: Schema) -> Schema:
    """The schema without its logical types: between JSON text and Avro, an id stays the text it is."""
    if isinstance(schema, dict):
        return {name: _strip_logical_types(part) for name, part in schema.items() if name != "logicalType"}
    return [_strip_logical_types(part) for part in schema] if isinstance(schema, list) else schema


@lru_cache(maxsize=1)
def _codec() -> _AvroCodec:
    return _AvroCodec(list(load_published_schemas()))


def encode_payload(event_type: str, schema_version: int, payload: str) -> bytes:
    """The Avro value of a stored payload; raises `BrokenStream` when it does not fit its published schema."""
    try:
        prefix, schema = _codec().writers[event_type, schema_version]
        value: dict[str, Any] = msgspec.json.decode(payload)
        out = io.BytesIO()
        out.write(prefix)
        fastavro.schemaless_writer(out, schema, value, strict=True)
    except KeyError:
        raise BrokenStream("no schema is published", event=event_type, schema_version=schema_version) from None
    except (ValueError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"{event_type}: {error}", event=event_type, schema_version=schema_version) from error
    return out.getvalue()


def decode_payload(value: bytes) -> str:
    """The payload as it was stored; raises `BrokenStream` for foreign bytes, an unknown schema, or trailing bytes."""
    schema = _codec().readers.get(value[:_HEADER])
    if schema is None:
        raise BrokenStream("not an event of ours: unknown schema", starts_with=value[:_HEADER].hex())
    source = io.BytesIO(value)
    source.seek(_HEADER)
    try:
        read = fastavro.schemaless_reader(source, schema, None)
    except Exception as error:  # fastavro raises whatever its C code meets
        raise BrokenStream(f"not readable with its schema: {type(error).__name__}: {error}") from error
    if source.read(1):
        raise BrokenStream("bytes are left over after the event")
    return msgspec.json.encode(read).decode()
