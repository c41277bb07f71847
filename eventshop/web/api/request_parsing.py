"""Request bodies: strict JSON, decoded into a msgspec struct. Errors carry a JSON pointer (RFC 6901)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any, Final, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.event_size import MAX_EVENT_BYTES
from eventshop.web.shared.errors import BodyTooLarge, InvalidBody, MalformedBody

#: The largest request body, in bytes: a quarter more than the largest event that the store accepts.
MAX_BODY_BYTES: Final = MAX_EVENT_BYTES * 5 // 4

_ERROR_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`\Z")

B = TypeVar("B", bound=msgspec.Struct)


class RawJsonParser(BaseParser):
    """The REST framework's parser: returns the raw bytes; raises `BodyTooLarge`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw: bytes = stream.read(MAX_BODY_BYTES + 1)
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge(limit=MAX_BODY_BYTES)
        return raw


def refuse_large_body(request: Request) -> None:
    """Raise `BodyTooLarge` for a too large `Content-Length`, before the body is read."""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = 0
    if declared > MAX_BODY_BYTES:
        raise BodyTooLarge(limit=MAX_BODY_BYTES)


def parse_body(request: Request, struct_type: type[B]) -> B:
    """Decode the body into `struct_type`; raises `MalformedBody`, `BodyTooLarge`, or `InvalidBody` with a pointer."""
    try:
        raw = request.data or b""
    except RequestDataTooBig as error:
        raise BodyTooLarge(limit=MAX_BODY_BYTES) from error
    try:
        decoded = msgspec.json.decode(raw if isinstance(raw, bytes) else b"")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedBody(f"The request body is not valid JSON: {error}") from error
    _refuse_floats(decoded, "")
    try:
        return msgspec.convert(decoded, struct_type, strict=True)
    except msgspec.ValidationError as error:
        raise _invalid_body(error) from error


def _invalid_body(error: msgspec.ValidationError) -> InvalidBody:
    text = str(error)
    match = _ERROR_PATH.search(text)
    detail = text[: match.start()] if match else text
    cause = error.__cause__
    if isinstance(cause, InvalidMessage):
        detail = cause.message
    pointer = _pointer(match["path"] if match else "")
    return InvalidBody(detail, locations=[{"pointer": pointer, "detail": detail}])


def _pointer(path: str) -> str:
    """Convert `.lines[0].quantity` to `/lines/0/quantity`."""
    return re.sub(r"\[([^\]]*)\]|\.", lambda match: f"/{match[1]}" if match[1] is not None else "/", path)


def _refuse_floats(value: Any, pointer: str) -> None:
    # msgspec would accept the JSON number 0.1 as a decimal, but a client that sends a float may have lost digits.
    if isinstance(value, float):
        detail = f'send a decimal as a string, "{value}", not as a JSON number'
        raise InvalidBody(detail, locations=[{"pointer": pointer, "detail": detail}])
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        _refuse_floats(item, f"{pointer}/{name}")
