"""Which fields of a message are somebody's personal data: marked on the type, read by whoever keeps them secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from msgspec import Struct

from eventshop.core.errors import RegistryError


class Personal(Struct, frozen=True):
    """`name: Annotated[Name | Redacted, Personal(of="user_id", purpose="contact")]`

    `of` is the field that names the person (empty there: the aggregate stands for them), `purpose` what the value is
    kept for: each has a key of its own. `since` is the schema version from which on it is stored encrypted. `unique`
    names a set in which no two persons may have the same value.
    """

    of: str
    purpose: str
    since: int = 1
    unique: str = ""


class Redacted(Struct, frozen=True, forbid_unknown_fields=True):
    """A personal value whose key is gone: it was there, and nobody can read it any more."""

    redacted: str  # the purpose it was kept for

    def __str__(self) -> str:
        return "[erased]"


class PersonalField(Struct, frozen=True):
    """One marked field of one message type."""

    name: str
    of: str
    purpose: str
    since: int
    unique: str


def personal_fields(message: type[Struct]) -> tuple[PersonalField, ...]:
    """The marked fields of a message; raises `RegistryError` for a mark that could not be kept."""
    hints = get_type_hints(message, include_extras=True)
    found = []
    for name in message.__struct_fields__:
        for mark in _marks(hints[name]):
            if mark.of not in message.__struct_fields__:
                raise RegistryError(
                    f"{message.__name__}.{name}: it has no field {mark.of!r} that says whose it is",
                    message=message.__name__,
                )
            found.append(PersonalField(name, mark.of, mark.purpose, mark.since, mark.unique))
        _refuse_nested(message, name, hints[name])
    return tuple(found)


def _marks(hint: Any) -> Iterator[Personal]:
    return (mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Personal))


def _refuse_nested(message: type[Struct], name: str, hint: Any) -> None:
    # Only whole fields are encrypted: a mark further inside would promise what nobody keeps.
    for kind in _inside(hint, set()):
        inner = get_type_hints(kind, include_extras=True)
        if any(True for field in kind.__struct_fields__ for _ in _marks(inner[field])):
            raise RegistryError(
                f"{message.__name__}.{name}: {kind.__name__} has marked fields; mark the whole field instead",
                message=message.__name__,
            )


def _inside(hint: Any, seen: set[Any]) -> Iterator[type[Struct]]:
    """The structs that a field may hold."""
    if isinstance(hint, type) and issubclass(hint, Struct) and hint not in seen:
        seen.add(hint)
        yield hint
        for inner in get_type_hints(hint, include_extras=True).values():
            yield from _inside(inner, seen)
    for part in get_args(hint):
        yield from _inside(part, seen)
