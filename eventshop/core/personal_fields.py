"""Marks for fields that hold personal data, declared on the message type and read by the encryption of fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args, get_type_hints

from msgspec import Struct

from eventshop.core.errors import RegistryError

#: What of a person's data is used for something.
DataCategory: TypeAlias = Literal[
    "name", "e-mail address", "phone number", "address", "orders", "payment", "purchases", "everything"
]


class Personal(Struct, frozen=True):
    """`name: Annotated[Name | Redacted, Personal(of="user_id", purpose="contact")]`

    `of` is the field that holds the person's id (if it or its value is empty, the aggregate is the person). `purpose`
    says why the value is kept; each purpose has its own key. `since` is the first schema version that stores it
    encrypted. `unique` names a set in which no two persons may have the same value. `free_text`: anybody may write
    anything into it, so it is encrypted in case it names somebody. Sagas may send such a text, which is their own;
    after the erasure of `of` it is left out, where other personal data is refused.
    """

    of: str
    purpose: str
    since: int = 1
    unique: str = ""
    free_text: bool = False


class NotPersonal(Struct, frozen=True):
    """`reference: Annotated[NonEmptyText, NotPersonal("the number of a document")]`: a text that stays in clear."""

    why: str


class Redacted(Struct, frozen=True, forbid_unknown_fields=True):
    """Stands for a personal value that can no longer be decrypted because its key was destroyed."""

    redacted: str  # the purpose for which it was kept

    def __str__(self) -> str:
        return "[erased]"


class PersonalField(Struct, frozen=True):
    """A field of a message type that holds personal data."""

    name: str
    of: str
    purpose: str
    since: int
    unique: str
    free_text: bool = False


def personal_fields(message: type[Struct]) -> tuple[PersonalField, ...]:
    """Return the fields of a message type that hold personal data; raises `RegistryError` for an invalid mark."""
    hints = get_type_hints(message, include_extras=True)
    fields = []
    for name in message.__struct_fields__:
        for mark in _personal_marks(hints[name]):
            if mark.of and mark.of not in message.__struct_fields__:
                raise RegistryError(
                    f"{message.__name__}.{name}: its mark names a field {mark.of!r}, which does not exist",
                    message=message.__name__,
                )
            fields.append(to_personal_field(name, mark))
        _refuse_nested(message, name, hints[name])
    return tuple(fields)


def to_personal_field(name: str, mark: Personal) -> PersonalField:
    return PersonalField(name, mark.of, mark.purpose, mark.since, mark.unique, mark.free_text)


def _personal_marks(hint: Any) -> Iterator[Personal]:
    return (mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Personal))


def _refuse_nested(message: type[Struct], name: str, hint: Any) -> None:
    # Only whole fields are encrypted: a mark inside a nested struct would have no effect.
    for struct in _nested_structs(hint, set()):
        hints = get_type_hints(struct, include_extras=True)
        if any(True for field in struct.__struct_fields__ for _ in _personal_marks(hints[field])):
            raise RegistryError(
                f"{message.__name__}.{name}: {struct.__name__} has marked fields; mark the whole field instead",
                message=message.__name__,
            )


def _nested_structs(hint: Any, seen: set[Any]) -> Iterator[type[Struct]]:
    """Yield the struct types that a field may hold, at any depth."""
    if isinstance(hint, type) and issubclass(hint, Struct) and hint not in seen:
        seen.add(hint)
        yield hint
        for nested_hint in get_type_hints(hint, include_extras=True).values():
            yield from _nested_structs(nested_hint, seen)
    for part in get_args(hint):
        yield from _nested_structs(part, seen)
