"""Request bodies: strict JSON, decoded into a msgspec struct. Each invalid field has a JSON pointer (RFC 6901)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any, ClassVar, Final, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from eventshop.core.errors import InvalidMessage
from eventshop.core.field_errors import FieldError, InvalidFields, convert_input
from eventshop.core.json_input import decode_json
from eventshop.eventstore.event_size import MAX_EVENT_BYTES
from eventshop.web.shared.errors import BodyTooLarge, InvalidBody, MalformedBody

#: The largest request body, in bytes: a quarter more than the largest event that the store accepts.
MAX_BODY_BYTES: Final = MAX_EVENT_BYTES * 5 // 4

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a decimal, as text",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "uuid": "a UUID",
    "datetime": "a time with its zone",
    "date": "a date",
    "array": "a list",
    "object": "an object",
}
_WORDS: Final = (
    (re.compile(r"Object missing required field `(.+)`"), r"`\1` is missing"),
    (re.compile(r"Object contains unknown field `(.+)`"), r"`\1` is not a field of it"),
    (re.compile(r"^Expected `([a-z| ]+)`"), lambda found: f"must be {_type_words(found[1])}"),
    (re.compile(r", got `([a-z]+)`$"), lambda found: f", not {_type_words(found[1])}"),
    (re.compile(r" matching regex .*$"), " of the form that the description of the API says"),
    (re.compile(r" of length (>=|<=)"), r" with a length \1"),
    (re.compile(r" >= (\S+)$"), r" of at least \1"),
    (re.compile(r" <= (\S+)$"), r" of at most \1"),
    (re.compile(r"^Invalid enum value "), "must be one of those that the description of the API lists, not "),
)


def _type_words(types: str) -> str:
    return " or ".join(_TYPES.get(name.strip(), name.strip()) for name in types.split("|"))


B = TypeVar("B", bound=msgspec.Struct)


class RawParser(BaseParser):
    """The REST framework's parser: returns the raw bytes; raises `BodyTooLarge`."""

    max_bytes: ClassVar[int] = MAX_BODY_BYTES

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw: bytes = stream.read(self.max_bytes + 1)
        if len(raw) > self.max_bytes:
            raise BodyTooLarge(limit=self.max_bytes)
        return raw


class RawJsonParser(RawParser):
    """JSON, which `parse_body` decodes."""

    media_type = "application/json"


def refuse_large_body(request: Request, limit: int = MAX_BODY_BYTES) -> None:
    """Raise `BodyTooLarge` for a too large `Content-Length`, before the body is read."""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)  # the server has checked it
    except ValueError:
        declared = 0
    if declared > limit:
        raise BodyTooLarge(limit=limit)


def parse_body(request: Request, struct_type: type[B]) -> B:
    """Decode the body into `struct_type`; raises `MalformedBody`, `BodyTooLarge`, or `InvalidBody`."""
    try:
        raw = request.data or b""
    except RequestDataTooBig as error:
        raise BodyTooLarge(limit=MAX_BODY_BYTES) from error
    try:
        decoded = decode_json(raw if isinstance(raw, bytes) else b"", max_bytes=MAX_BODY_BYTES)
    except InvalidMessage as error:
        raise MalformedBody(f"The request body {error.message}") from error
    try:
        body: B = convert_input(decoded, struct_type)
    except InvalidFields as error:
        raise _invalid_body(error.field_errors) from error
    return body


def _invalid_body(errors: list[FieldError]) -> InvalidBody:
    details = [reword_error(error.detail) for error in errors]
    detail = details[0] if len(errors) == 1 else f"{len(errors)} fields of the request body have invalid values"
    places = zip(errors, details, strict=True)
    return InvalidBody(detail, locations=[{"pointer": error.pointer, "detail": text} for error, text in places])


def reword_error(text: str) -> str:
    """What the decoder says, in the words of the API: JSON's types instead of Python's."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
