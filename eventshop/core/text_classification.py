"""Every text of a message is personal until it is said not to be: finds the texts of which nothing is said.

A text is classified if it is drawn from a closed list (`Literal`, an enumeration) or a pattern of its own, marked
`Personal`, or marked `NotPersonal` with the reason. The free text types of `eventshop.core.messages` are none of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from eventshop.core.messages import LINES_PATTERN, ONE_LINE_PATTERN
from eventshop.core.personal_fields import NotPersonal, Personal

_HOW: Final = (
    "say what it is: a Literal, an enumeration or a str with a pattern, if its values are known; "
    'Annotated[..., NotPersonal("why")], if only the program or a document gives it; else Annotated[... | Redacted, '
    "Personal(of=..., purpose=..., since=<new schema version>, free_text=True)], which encrypts it"
)


def unclassified_texts(message: type[Struct]) -> list[str]:
    """The texts of a command or event of which nothing is said, each with what to do: empty if there are none."""
    unclassified = (path for path, why in _texts_of(message, ()) if not why)
    return [f"{message.__name__}.{path}: free text, and nothing is said of it; {_HOW}" for path in unclassified]


@cache
def clear_texts(message: type[Struct]) -> dict[str, str]:
    """The texts that stay in clear by a `NotPersonal`, and why; by their path, such as `lines.sku`."""
    return {path: why for path, why in _texts_of(message, ()) if why}


def _texts_of(struct: type[Struct], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    hints = get_type_hints(struct, include_extras=True)
    for name in struct.__struct_fields__:
        yield from _texts_in(hints[name], (*path, name))


def _texts_in(hint: Any, path: tuple[str, ...], *, is_closed: bool = False, why: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a type, with the reason why it may stay in clear; nothing for what is closed or encrypted."""
    if get_origin(hint) is Annotated:
        base, *marks = get_args(hint)
        if any(isinstance(mark, Personal) for mark in marks):
            return
        closed = is_closed or any(isinstance(mark, msgspec.Meta) and _is_closing(mark) for mark in marks)
        reasons = [mark.why for mark in marks if isinstance(mark, NotPersonal)]
        yield from _texts_in(base, path, is_closed=closed, why=reasons[0] if reasons else why)
    elif hint is str:
        if not is_closed:
            yield ".".join(path), why
    elif isinstance(hint, type) and issubclass(hint, Struct):
        yield from ((name, inner or why) for name, inner in _texts_of(hint, path))
    else:
        for part in get_args(hint):
            yield from _texts_in(part, path, is_closed=is_closed, why=why)


def _is_closing(meta: msgspec.Meta) -> bool:
    return meta.pattern is not None and meta.pattern not in (ONE_LINE_PATTERN, LINES_PATTERN)
