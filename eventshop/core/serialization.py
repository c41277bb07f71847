"""Messages to JSON and back, strictly: what cannot be read back is never written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from eventshop.core.errors import BrokenStream, EventShopError, EventTooLarge, InvalidMessage
from eventshop.core.messages import Command, Event
from eventshop.core.upcasting import Upcaster

#: Kafka's default record limit is 1 MiB for a whole batch (mechanics 2.3); a quarter of it leaves room.
MAX_EVENT_BYTES: Final = 256 * 1024

M = TypeVar("M", bound=msgspec.Struct)
E = TypeVar("E", bound=Event)

_encoder: Final = msgspec.json.Encoder()


@cache
def _decoder(message: type[M]) -> msgspec.json.Decoder[M]:
    return msgspec.json.Decoder(message)


def prepare(*kinds: type[msgspec.Struct]) -> None:
    """Let msgspec learn these types now, in one thread.

    It learns a type at its first use, and shows it to other threads half learnt: two that decode the same type for
    the first time at once end the process (a null pointer in `json_decode_struct_map_inner`, msgspec 0.22).
    """
    for kind in kinds:
        msgspec.json.Decoder(kind)


def prepare_all() -> None:
    """As `prepare`, with every type that is imported so far."""
    waiting = msgspec.Struct.__subclasses__()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        prepare(kind)


def canonical(message: M) -> tuple[bytes, M]:
    """Canonical compact JSON of a command or event, and the message exactly as a reader will see it.

    A value built in Python is not checked by msgspec, so what was written is read back and written again: a float
    for a decimal, a naive time or an overlong text does not survive that. Raises `InvalidMessage` with the path.
    """
    try:
        written = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, UnicodeError) as error:
        raise _invalid(type(message), error) from error
    read_back = _read(written, type(message))
    if _encoder.encode(read_back) != written:
        raise InvalidMessage(
            f"{type(message).__name__}: a field holds another type than it declares (a float for a decimal?)",
            message=type(message).__name__,
        )
    return written, read_back


def encoded_event(event: E) -> tuple[bytes, E]:
    """As `canonical`; raises `EventTooLarge` over 256 KiB."""
    written, read_back = canonical(event)
    if len(written) > MAX_EVENT_BYTES:
        raise EventTooLarge(event=type(event).__name__, bytes=len(written), limit=MAX_EVENT_BYTES)
    return written, read_back


def decode_event(event: type[Event], stored: bytes | str) -> Event:
    """A stored event; raises `BrokenStream` when its bytes are not what its name says."""
    try:
        happened: Event = _decoder(event).decode(stored)
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{event.__name__}: {error}", event=event.__name__) from error
    return happened


def upcast_event(event: type[Event], upcasters: Sequence[Upcaster], stored: bytes | str) -> Event:
    """An event of an earlier shape as today's; raises `BrokenStream`."""
    try:
        fields = msgspec.json.decode(stored)
        for upcast in upcasters:
            fields = upcast(fields)
        return msgspec.convert(fields, event)
    except (msgspec.DecodeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BrokenStream(f"{event.__name__}: {type(error).__name__}: {error}", event=event.__name__) from error


def decode_stored(message: type[M], stored: bytes | str) -> M:
    """Anything that `canonical` wrote; raises `BrokenStream` when its bytes are no such thing any more."""
    try:
        read_back: M = _decoder(message).decode(stored)
        return read_back
    except (msgspec.DecodeError, ValueError) as error:
        raise BrokenStream(f"{message.__name__}: {error}", message=message.__name__) from error


def decode_command(command: type[Command], given: bytes | str | Mapping[str, Any]) -> Command:
    """A command from outside, JSON text or a mapping; raises `InvalidMessage` naming the field and its fault."""
    try:
        raw = msgspec.json.decode(given) if isinstance(given, bytes | str) else given
    except (msgspec.DecodeError, ValueError) as error:
        raise _invalid(command, error) from error
    _refuse_floats(command, raw, "$")
    try:
        return msgspec.convert(raw, command, strict=True)
    except (msgspec.ValidationError, ValueError) as error:
        raise _invalid(command, error) from error


def _read(written: bytes, message: type[M]) -> M:
    try:
        read_back: M = _decoder(message).decode(written)
    except (msgspec.DecodeError, ValueError) as error:
        raise _invalid(message, error) from error
    return read_back


def _refuse_floats(message: type, value: Any, path: str) -> None:
    # msgspec reads the JSON number 0.1 as a Decimal; whoever sends one has already lost digits.
    if isinstance(value, float):
        raise InvalidMessage(
            f'{message.__name__}: {path} is the number {value}; write decimals as text, "{value}"', path=path
        )
    if isinstance(value, Mapping):
        for name, item in value.items():
            _refuse_floats(message, item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_floats(message, item, f"{path}[{index}]")


def _invalid(message: type, error: Exception) -> EventShopError:
    # msgspec wraps what __post_init__ raised; the typed error inside says more than the wrapper.
    cause = error.__cause__ if isinstance(error.__cause__, InvalidMessage) else error
    if isinstance(cause, InvalidMessage):
        cause.data.setdefault("message", message.__name__)
        return cause
    return InvalidMessage(f"{message.__name__}: {error}", message=message.__name__)
