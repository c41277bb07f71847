"""Strict JSON encoding and decoding of messages: what cannot be decoded again is never written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from eventshop.core.errors import BrokenStream, EventShopError, InvalidMessage
from eventshop.core.field_errors import InvalidFields, convert_input
from eventshop.core.json_input import decode_json
from eventshop.core.messages import Command, Event
from eventshop.core.upcasting import Upcaster

M = TypeVar("M", bound=msgspec.Struct)

_encoder: Final = msgspec.json.Encoder()


@cache
def _decoder(message: type[M]) -> msgspec.json.Decoder[M]:
    return msgspec.json.Decoder(message)


def prepare_decoders(*types: type[msgspec.Struct]) -> None:
    """Build msgspec's type information for these types now, in one thread.

    msgspec builds it at the first use of a type and publishes it to other threads before it is complete: two threads
    that decode the same type for the first time at once crash the process (a null pointer in
    `json_decode_struct_map_inner`, msgspec 0.22).
    """
    for type_ in types:
        msgspec.json.Decoder(type_)


def prepare_all_decoders() -> None:
    """As `prepare_decoders`, for every struct type imported so far."""
    remaining = msgspec.Struct.__subclasses__()
    while remaining:
        type_ = remaining.pop()
        remaining += type_.__subclasses__()
        prepare_decoders(type_)


def encode_canonical(message: M) -> tuple[bytes, M]:
    """Return the canonical compact JSON of a command or event, and the message as a reader will decode it.

    msgspec does not validate values built in Python. Therefore the JSON is decoded and encoded again: a float for a
    decimal, a naive time or an overlong text raises `InvalidMessage` with its path.
    """
    try:
        encoded = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, UnicodeError) as error:
        raise _to_invalid_message(type(message), error) from error
    decoded = _decode_encoded(encoded, type(message))
    if _encoder.encode(decoded) != encoded:
        raise InvalidMessage(
            f"{type(message).__name__}: a field holds another type than it declares (a float for a decimal?)",
            message=type(message).__name__,
        )
    return encoded, decoded


def decode_event(event_class: type[Event], stored: bytes | str) -> Event:
    """Decode a stored event; raises `BrokenStream` when the bytes do not match the type."""
    try:
        event: Event = _decoder(event_class).decode(stored)
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{event_class.__name__}: {error}", event=event_class.__name__) from error
    return event


def upcast_event(event_class: type[Event], upcasters: Sequence[Upcaster], stored: bytes | str) -> Event:
    """Decode an event of an earlier schema version through its upcasters; raises `BrokenStream`."""
    try:
        fields = msgspec.json.decode(stored)
        for upcast in upcasters:
            fields = upcast(fields)
        return msgspec.convert(fields, event_class)
    except (msgspec.DecodeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BrokenStream(
            f"{event_class.__name__}: {type(error).__name__}: {error}", event=event_class.__name__
        ) from error


def decode_stored(message_class: type[M], stored: bytes | str) -> M:
    """Decode what `encode_canonical` wrote; raises `BrokenStream` when the bytes do not match the type."""
    try:
        decoded: M = _decoder(message_class).decode(stored)
        return decoded
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{message_class.__name__}: {error}", message=message_class.__name__) from error


def decode_command(command_class: type[Command], given: bytes | str | Mapping[str, Any]) -> Command:
    """Decode a command from outside, JSON text or a mapping; raises `InvalidMessage` with each field and its reason."""
    try:
        text = given.encode() if isinstance(given, str) else given
        raw = decode_json(text) if isinstance(text, bytes) else dict(text)
        command: Command = convert_input(raw, command_class)
    except InvalidFields as error:
        first = error.__cause__
        is_only = isinstance(first, msgspec.ValidationError) and len(error.field_errors) == 1
        raise _to_invalid_message(command_class, first if first and is_only else error) from error
    except InvalidMessage as error:
        raise _to_invalid_message(command_class, error) from error
    return command


def _decode_encoded(encoded: bytes, message: type[M]) -> M:
    try:
        decoded: M = _decoder(message).decode(encoded)
    except (msgspec.DecodeError, ValueError) as error:
        raise _to_invalid_message(message, error) from error
    return decoded


def _to_invalid_message(message: type, error: BaseException) -> EventShopError:
    # msgspec wraps what __post_init__ raised; the inner error is more specific.
    cause = error.__cause__ if isinstance(error.__cause__, InvalidMessage) else error
    if isinstance(cause, InvalidMessage):
        cause.data.setdefault("message", message.__name__)
        return cause
    return InvalidMessage(f"{message.__name__}: {error}", message=message.__name__)
