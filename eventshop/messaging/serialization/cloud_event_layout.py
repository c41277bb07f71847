"""The layout of an event's CloudEvent in structured mode: all attributes and the payload are in the record's value.

Sources: CloudEvents 1.0.2, Kafka protocol binding, section 3.3, and its Avro event format, whose schema is
`schemas/envelope/CloudEvent.avsc`. A general Avro codec takes some 30 us to write such a record and 20 us to read it.
EventShop writes the attributes in one order, those of fixed size first: so a template is filled in and a `struct` takes
it apart again. It stays valid Avro; records with other attributes or another order go through the general decoder.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from eventshop.eventstore.records import EventRow

CONTENT_TYPE: Final = "application/cloudevents+avro"


class Command(NamedTuple):
    """The fields of a command's receipt that the command's last event lacks."""

    command_type: str
    payload_hash: bytes
    events: int


class CloudEvent(NamedTuple):
    """The content of a record."""

    row: EventRow
    command: Command | None  # only on the last event of a command


def encode_number(number: int) -> bytes:
    """Avro's encoding of an int or long: zigzag, then seven bits a byte."""
    rest, encoded = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _name(name: str, branch: bytes) -> bytes:
    """The bytes before an attribute's value: its name, and the branch of the union that the value is in."""
    return encode_number(len(name)) + name.encode() + branch


_INT, _STRING, _BYTES = b"\x04", b"\x06", b"\x08"
#: Attributes whose values always have the same size in bytes: numbers as digits, ids and times as text, hashes.
_FIXED_SIZES: Final = {
    "partitionsequence": 19,
    "position": 19,
    "id": 36,
    "subject": 36,
    "correlationid": 36,
    "commandid": 36,
    "time": 27,
    "recordedat": 27,
    "hash": 32,
}
_CONSTANTS: Final = {
    "specversion": "1.0",
    "source": "/eventshop/event-store",
    "datacontenttype": "application/avro",
}
_PREFIXES: Final = [
    _name(name, _BYTES if name == "hash" else _STRING) + encode_number(size) for name, size in _FIXED_SIZES.items()
]
_SUFFIX: Final = b"".join(
    _name(name, _STRING) + encode_number(len(value)) + value.encode() for name, value in _CONSTANTS.items()
)

#: The first part of a value. To fill in: the number of attributes, then the attributes of fixed size.
TEMPLATE: Final = (
    b"%b"
    + b"".join(
        prefix + (b"%019d" if size == 19 else b"%b")
        for prefix, size in zip(_PREFIXES, _FIXED_SIZES.values(), strict=True)
    )
    + _SUFFIX
)
#: The same to take apart: by turns the bytes before a value, and a value.
FIXED_PART: Final = Struct(
    "x"
    + "".join(f"{len(prefix)}s{size}s" for prefix, size in zip(_PREFIXES, _FIXED_SIZES.values(), strict=True))
    + f"{len(_SUFFIX)}s"
)
FIXED_PART_NAMES: Final = (*_PREFIXES, _SUFFIX)
#: The first two attributes, the numbers of the record.
NUMBERS: Final = Struct(f"x{len(_PREFIXES[0])}s19s{len(_PREFIXES[1])}s19s")

#: The attributes that follow, in this order. The last six are optional, those of the command occur together.
TYPE: Final = _name("type", _STRING)
AGGREGATE_TYPE: Final = _name("aggregatetype", _STRING)
SCHEMA_VERSION: Final = _name("schemaversion", _INT)
STREAM_VERSION: Final = _name("streamversion", _INT)
SEQUENCE: Final = _name("correlationsequence", _INT)
ACTOR: Final = _name("actor", _STRING)
CAUSATION_ID: Final = _name("causationid", _STRING) + encode_number(36)
SAGA_ID: Final = _name("sagaid", _STRING) + encode_number(36)
METADATA: Final = _name("metadata", _STRING)
COMMAND_TYPE: Final = _name("commandtype", _STRING)
COMMAND_HASH: Final = _name("commandhash", _BYTES)
COMMAND_EVENTS: Final = _name("commandevents", _INT)
#: The end of the attributes, and the branch of the union `data` that holds bytes.
END: Final = b"\x00\x00"

#: How many attributes every event has.
REQUIRED_ATTRIBUTES: Final = len(_FIXED_SIZES) + len(_CONSTANTS) + 6
