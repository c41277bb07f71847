"""The shape of an aggregate's state: the names and types of its fields, nested structs and enums included."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

#: By type name: the type of each field, or the value of each member of an enum.
Shape: TypeAlias = dict[str, dict[str, str]]


def state_shape(state: type[Struct]) -> Shape:
    """Return the shape of a state and of every type that it holds, by type name."""
    shape: Shape = {}
    pending: list[type] = [state]
    seen: set[type] = set()
    while pending:
        type_ = pending.pop(0)
        if type_ in seen:
            continue
        seen.add(type_)
        name = type_.__qualname__ if type_.__qualname__ not in shape else f"{type_.__module__}.{type_.__qualname__}"
        if issubclass(type_, Enum):
            shape[name] = {member: repr(value.value) for member, value in type_.__members__.items()}
            continue
        hints = _field_types(type_)
        shape[name] = {field: _type_name(hint) for field, hint in hints.items()}
        pending += [nested for hint in hints.values() for nested in _nested_types(hint)]
    return shape


def _field_types(type_: type) -> dict[str, Any]:
    hints = get_type_hints(type_)
    if issubclass(type_, Struct):
        names = zip(type_.__struct_encode_fields__, type_.__struct_fields__, strict=True)
        return {encoded: hints[field] for encoded, field in names}
    return hints


def _nested_types(hint: Any) -> Iterator[type]:
    """Yield the structs, enums, dataclasses and named tuples in a type."""
    if isinstance(hint, type) and get_origin(hint) is None:
        if issubclass(hint, Struct | Enum) or is_dataclass(hint) or hasattr(hint, "_fields"):
            yield hint
        return
    for part in get_args(hint):
        yield from _nested_types(part)


def _type_name(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " | ".join(map(_type_name, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type_name, arguments))}]"
    if hint is types.NoneType:
        return "None"
    if hint is Ellipsis:
        return "..."
    return hint.__qualname__ if isinstance(hint, type) else str(hint)
