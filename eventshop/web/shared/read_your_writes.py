"""Whoever has just given a command sees its effect: a page or a program waits for the read model.

The session remembers it for a page; a program gets a `Consistency-Token` and sends it back with what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Final, TypeAlias
from uuid import UUID

from django.http import HttpRequest

from eventshop.eventstore.command_dispatcher import Receipt
from eventshop.web.shared.errors import InvalidHeader

#: Whether a read model has taken in the event of an aggregate at a position of the store.
Reached: TypeAlias = Callable[[str, UUID, int], bool]

_WRITTEN: Final = "written"
#: How long a page waits before it says that something is still being processed.
PATIENCE_S: Final = 1.0
_PAUSE_S: Final = 0.02

_reached: list[Reached] = []


def register(reached: Reached) -> None:
    """What knows how far the read models are."""
    _reached[:] = [reached]


def written(request: HttpRequest, receipt: Receipt) -> None:
    """Remember what this visitor changed last."""
    if receipt.position:
        request.session[_WRITTEN] = [str(receipt.aggregate_id), receipt.position]


def caught_up(request: HttpRequest, read_model: str, *, patience_s: float = PATIENCE_S) -> bool:
    """Whether the read model holds what this visitor changed last; waits for it, but not for ever."""
    last = request.session.get(_WRITTEN)
    return not last or _waited(read_model, UUID(last[0]), last[1], patience_s)


def _waited(read_model: str, aggregate_id: UUID, position: int, patience_s: float) -> bool:
    until = monotonic() + patience_s
    while _reached and not _reached[0](read_model, aggregate_id, position):
        if monotonic() > until:
            return False
        sleep(_PAUSE_S)
    return True


# --- programs ----------------------------------------------------------------------------------------------------

#: How long a program waits that does not say so (`Prefer: wait=…`, RFC 7240), and the longest it may ask for.
PROGRAMS_PATIENCE_S: Final = 2.0
LONGEST_S: Final = 10
_TOKEN: Final = re.compile(r"([0-9a-f]{32})-(\d{1,18})")
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")


def token(receipt: Receipt) -> str:
    """What a program sends back as `Consistency-Token` to see the effect of its command."""
    return f"{receipt.aggregate_id.hex}-{receipt.position}"


def shown(headers: Mapping[str, str], read_model: str) -> bool:
    """Whether the read model holds what the program's token names; waits as long as it prefers.

    Raises `InvalidHeader` for a token that is none of ours.
    """
    given = headers.get("Consistency-Token", "").strip()
    if not given:
        return True
    found = _TOKEN.fullmatch(given)
    if found is None:
        said = "is none of ours"
        raise InvalidHeader(f"Consistency-Token {said}", where=[{"header": "Consistency-Token", "detail": said}])
    return _waited(read_model, UUID(found[1]), int(found[2]), prefers_wait(headers, PROGRAMS_PATIENCE_S))


def prefers_wait(headers: Mapping[str, str], otherwise: float = 0) -> float:
    """How many seconds a program is ready to wait: `Prefer: wait=…` (RFC 7240), ten at most."""
    prefers = _WAIT.search(headers.get("Prefer", ""))
    return min(float(prefers[1]), LONGEST_S) if prefers else otherwise
