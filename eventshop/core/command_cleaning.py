"""Cleans the texts and checks the decimals of a command, whoever built it: API, form, admin or importer.

A text that is stored in clear (`NotPersonal`) must not contain an e-mail address, which would outlive an erasure. One
that is stored already is not judged: what an earlier release accepted can still be named.

Stored events keep the types of their time: only commands and request bodies are cleaned, by the marks (`TextRule`) on
the types of their fields.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

from msgspec import Struct, structs

from eventshop.core.decimal_text import check_decimal
from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import TextRule, clean_text, refuse_email_address
from eventshop.core.personal_fields import NotPersonal

S = TypeVar("S", bound=Struct)
#: Returns a field's value as it is kept, the same object if nothing changes; raises `InvalidMessage`.
Cleaner: TypeAlias = Callable[[Any], Any]

UNIONS: Final = (Union, UnionType)

#: Whether a text in clear that would be refused is stored already.
_is_stored: Final[ContextVar[Callable[[str], bool]]] = ContextVar("is_stored", default=lambda text: False)


def clean_command(command: S, is_stored: Callable[[str], bool]) -> S:
    """As `clean`; `is_stored` is asked about each text in clear that would be refused."""
    token = _is_stored.set(is_stored)
    try:
        return clean(command)
    finally:
        _is_stored.reset(token)


def clean(message: S) -> S:
    """Return the command or body with clean texts; raises `InvalidMessage` that names the field."""
    changes = {}
    for name, cleaner in _cleaners(type(message)):
        value = getattr(message, name)
        try:
            cleaned = cleaner(value)
        except InvalidMessage as error:
            raise _in_field(name, error) from None
        if cleaned is not value:
            changes[name] = cleaned
    return structs.replace(message, **changes) if changes else message


@cache
def _cleaners(struct: type[Struct]) -> tuple[tuple[str, Cleaner], ...]:
    """The fields of a struct that need cleaning."""
    pairs = [(field.name, _cleaner_of(field.type)) for field in structs.fields(struct)]
    return tuple((name, cleaner) for name, cleaner in pairs if cleaner)


def _cleaner_of(hint: Any) -> Cleaner | None:
    base, marks = split_annotated(hint)
    if text_cleaner := text_cleaner_of(marks):
        return text_cleaner
    if base is Decimal:
        return _clean_decimal
    if isinstance(base, type) and issubclass(base, Struct):
        return (lambda value: clean(value) if isinstance(value, base) else value) if _cleaners(base) else None
    cleaners = [cleaner for argument in get_args(base) if (cleaner := _cleaner_of(argument))]
    if not cleaners:
        return None
    if get_origin(base) in UNIONS:
        return lambda value: _clean_by_all(cleaners, value)
    return (lambda values: _clean_items(cleaners[0], values)) if get_origin(base) in (tuple, list) else None


def text_cleaner_of(marks: tuple[Any, ...]) -> Cleaner | None:
    """Cleans a text by the marks on its type; `None` if none of them is about texts."""
    rule = next((mark for mark in marks if isinstance(mark, TextRule)), None)
    is_clear = any(isinstance(mark, NotPersonal) for mark in marks)
    if rule is None and not is_clear:
        return None

    def clean_value(value: Any) -> Any:
        if type(value) is not str:
            return value
        try:
            text = value if rule is None else clean_text(value, rule)
            if is_clear:
                refuse_email_address(text)
        except InvalidMessage:
            if is_clear and _is_stored.get()(value):
                return value
            raise
        return text

    return clean_value


def split_annotated(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its marks."""
    return (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())


def _clean_decimal(value: Any) -> Any:
    if type(value) is Decimal:
        check_decimal(value)
    return value


def _clean_by_all(cleaners: list[Cleaner], value: Any) -> Any:
    for cleaner in cleaners:
        value = cleaner(value)
    return value


def _clean_items(cleaner: Cleaner, values: Any) -> Any:
    if not isinstance(values, tuple | list):
        return values
    cleaned = []
    for index, value in enumerate(values):
        try:
            cleaned.append(cleaner(value))
        except InvalidMessage as error:
            raise _in_field(f"[{index}]", error) from None
    return values if all(map(_is_same, cleaned, values)) else type(values)(cleaned)


def _is_same(cleaned: Any, value: Any) -> bool:
    return cleaned is value


def _in_field(name: str, error: InvalidMessage) -> InvalidMessage:
    """The error with the field that it is about in front: `lines[2].description must not contain …`."""
    path, detail = str(error.data.get("field", "")), str(error.data.get("detail", error.message))
    path = name + (f".{path}" if path and not path.startswith("[") else path)
    return InvalidMessage(f"{path} {detail}", field=path, detail=detail)
