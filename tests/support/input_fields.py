"""The fields of commands and request bodies by type, found by walking the types, so that new ones are covered."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from msgspec import Struct, structs

Path: TypeAlias = tuple[str | int, ...]


def input_fields(hint: Any, kind: type, path: Path = ()) -> Iterator[Path]:
    """The paths of all fields of a type (`Decimal`, `int` or `str`), through structs, arrays and choices."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if base is kind:
        yield path
    elif isinstance(base, type) and issubclass(base, Struct):
        for field in structs.fields(base):
            yield from input_fields(field.type, kind, (*path, field.encode_name))
    elif get_origin(base) in (Union, UnionType):
        for arm in get_args(base):
            yield from input_fields(arm, kind, path)
    elif get_origin(base) in (tuple, list):
        yield from input_fields(get_args(base)[0], kind, (*path, 0))


def nest(path: Path, value: Any) -> Any:
    """JSON that has nothing but one value, at a path."""
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return value


def replace_at(body: Any, path: Path, value: Any) -> Any:
    """A copy of a body with another value at a path; what is missing on the way is added."""
    if not path:
        return value
    name, rest = path[0], path[1:]
    if name == 0:
        items = body if isinstance(body, list) and body else [None]
        return [replace_at(items[0], rest, value), *items[1:]]
    fields = body if isinstance(body, dict) else {}
    return {**fields, name: replace_at(fields.get(name), rest, value)}
