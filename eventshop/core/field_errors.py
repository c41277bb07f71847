"""Converts decoded JSON into a command or body, and finds all its invalid fields, not only the first one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache, partial
from itertools import islice
from typing import Annotated, Any, Final, NamedTuple, TypeAlias, get_args, get_origin

import msgspec
from msgspec import Struct, structs

from eventshop.core.command_cleaning import UNIONS, Cleaner, clean, split_annotated, text_cleaner_of
from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage

#: The most errors that are reported of one body.
MAX_ERRORS: Final = 50
_MAX_NAME: Final = 100
#: A type's own check may calculate with a bad number, and a text may hold half a character.
_UNREADABLE: Final = (ArithmeticError, UnicodeError)
#: What a column of whole numbers holds; larger ones are not stored as JSON either.
_MAX_INTEGER: Final = 2**63 - 1

Path: TypeAlias = tuple[str | int, ...]


class FieldError(NamedTuple):
    """One invalid field. For a missing or unknown one, `path` is that of its object."""

    path: Path
    detail: str

    @property
    def pointer(self) -> str:
        """The JSON pointer (RFC 6901): `/lines/0/quantity`."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    @property
    def place(self) -> str:
        """As in a program: `$.lines[0].quantity`."""
        return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)


class InvalidFields(InvalidMessage):
    """Some fields have invalid values."""

    def __init__(self, field_errors: list[FieldError]) -> None:
        self.field_errors = field_errors
        super().__init__("; ".join(f"{error.detail} - at `{error.place}`" for error in field_errors))


_Check: TypeAlias = Callable[[Any, Path], Iterator[FieldError]]


def convert_input(raw: Any, type_: Any) -> Any:
    """Convert decoded JSON into a type, with clean texts; raises `InvalidFields` with every invalid field.

    The cause of `InvalidFields` is the first error that msgspec found, if any.
    """
    errors = list(islice(_check_of(type_)(raw, ()), MAX_ERRORS))
    try:
        converted = msgspec.convert(raw, type_, strict=True)
    except (msgspec.ValidationError, *_UNREADABLE) as error:
        if not errors:
            raise
        raise InvalidFields(errors) from error
    if errors:
        raise InvalidFields(errors)
    return clean(converted) if isinstance(converted, Struct) else converted


def _check_of(hint: Any) -> _Check:
    base, marks = split_annotated(hint)
    if base is Decimal:
        return _decimal_errors
    if isinstance(base, type) and issubclass(base, Struct):
        return partial(_struct_errors, base)
    if get_origin(base) in UNIONS:
        return _union_check(hint, base)
    if get_origin(base) in (tuple, list) and get_args(base)[1:] in ((), (...,)):
        shallow = Annotated[(list[Any], *marks)] if marks else list[Any]
        return partial(_array_errors, shallow, _check_of(get_args(base)[0]))
    return partial(_leaf_errors, hint, text_cleaner_of(marks))


def _leaf_errors(hint: Any, clean_value: Cleaner | None, raw: Any, path: Path) -> Iterator[FieldError]:
    try:
        if clean_value is not None and (cleaned := clean_value(raw)) != raw:
            msgspec.convert(cleaned, hint, strict=True)  # trimmed, it may be too short
        msgspec.convert(raw, hint, strict=True)
        if isinstance(raw, int) and abs(raw) > _MAX_INTEGER:
            raise InvalidMessage(f"must be a whole number of at most {_MAX_INTEGER:,}")
    except msgspec.ValidationError as error:
        yield _to_field_error(error, path)
    except InvalidMessage as error:
        yield FieldError(path, error.message)
    except _UNREADABLE as error:
        yield FieldError(path, f"cannot be read: {type(error).__name__}")


def _decimal_errors(raw: Any, path: Path) -> Iterator[FieldError]:
    if isinstance(raw, float):  # msgspec would accept 0.1, but a client that sends a float may have lost digits
        yield FieldError(path, f'send a decimal as a string, "{raw}", not as a JSON number')
    elif isinstance(raw, bool) or not isinstance(raw, str | int):
        yield from _leaf_errors(Decimal, None, raw, path)
    else:
        try:
            parse_decimal(str(raw))
        except InvalidMessage as error:
            yield FieldError(path, error.message)


def _array_errors(shallow: Any, check_item: _Check, raw: Any, path: Path) -> Iterator[FieldError]:
    try:
        items = msgspec.convert(raw, shallow, strict=True)
    except msgspec.ValidationError as error:
        yield _to_field_error(error, path)
    else:
        for index, item in enumerate(items):
            yield from check_item(item, (*path, index))


def _union_check(hint: Any, union: Any) -> _Check:
    arms = [arm for arm in get_args(union) if arm is not type(None)]
    if len(arms) < len(get_args(union)):
        check = _check_of(arms[0]) if len(arms) == 1 else _union_check(hint, _union_of(arms))
        return lambda raw, path: iter(()) if raw is None else check(raw, path)
    tagged = {arm.__struct_config__.tag: arm for arm in arms if isinstance(arm, type) and issubclass(arm, Struct)}
    if len(tagged) < len(arms):
        return partial(_leaf_errors, hint, None)
    return partial(_tagged_errors, hint, arms[0].__struct_config__.tag_field, tagged)


def _union_of(arms: list[Any]) -> Any:
    union = arms[0]
    for arm in arms[1:]:
        union |= arm
    return union


def _tagged_errors(
    hint: Any, tag_field: str, structs_by_tag: dict[Any, type[Struct]], raw: Any, path: Path
) -> Iterator[FieldError]:
    tag = raw.get(tag_field) if isinstance(raw, dict) else None
    struct = structs_by_tag.get(tag) if isinstance(tag, str | int) else None
    yield from _leaf_errors(hint, None, raw, path) if struct is None else _struct_errors(struct, raw, path)


@cache
def _field_checks(struct: type[Struct]) -> dict[str, tuple[bool, _Check]]:
    """The fields of a struct by their name in JSON: whether each is required, and its check."""
    return {field.encode_name: (field.required, _check_of(field.type)) for field in structs.fields(struct)}


def _struct_errors(struct: type[Struct], raw: Any, path: Path) -> Iterator[FieldError]:
    if not isinstance(raw, dict):
        yield from _leaf_errors(struct, None, raw, path)
        return
    has_errors = False
    for error in _errors_of_fields(struct, raw, path):
        has_errors = True
        yield error
    if not has_errors:  # only then do the type's own rules have something to look at
        yield from _leaf_errors(struct, None, raw, path)


def _errors_of_fields(struct: type[Struct], raw: dict[str, Any], path: Path) -> Iterator[FieldError]:
    checks = _field_checks(struct)
    for name, (is_required, check) in checks.items():
        if name in raw:
            yield from check(raw[name], (*path, name))
        elif is_required:
            yield FieldError(path, f"Object missing required field `{name}`")
    config = struct.__struct_config__
    if config.forbid_unknown_fields:
        for name in raw:
            if name not in checks and name != config.tag_field:
                yield FieldError(path, f"Object contains unknown field `{name[:_MAX_NAME]}`")


def _to_field_error(error: msgspec.ValidationError, path: Path) -> FieldError:
    if isinstance(error.__cause__, InvalidMessage):
        return FieldError(path, error.__cause__.message)
    return FieldError(path, str(error).partition(" - at `$")[0])
