"""Read your writes: a request waits until the read model contains the caller's last command.

For a page the session remembers the position of the last write. An API client gets a `Consistency-Token` header and
sends it with its next read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Final, TypeAlias
from uuid import UUID

from django.http import HttpRequest

from eventshop.core.port import Port
from eventshop.eventstore.command_receipts import Receipt
from eventshop.web.shared.errors import InvalidHeader

#: Whether a read model has processed an aggregate's event: (read model name, aggregate id, store position).
PositionCheck: TypeAlias = Callable[[str, UUID, int], bool]

_SESSION_KEY: Final = "written"
#: How long a page waits before it says that the change is still being processed.
PAGE_TIMEOUT_S: Final = 1.0
_POLL_INTERVAL_S: Final = 0.02

position_check: Final = Port[PositionCheck]("position of read models")


def remember_write(request: HttpRequest, receipt: Receipt) -> None:
    """Store the position of this visitor's last write in the session."""
    if receipt.position:
        request.session[_SESSION_KEY] = [str(receipt.aggregate_id), receipt.position]


def wait_for_last_write(request: HttpRequest, read_model: str) -> bool:
    """Wait for the read model to contain this visitor's last write; False if it does not within `PAGE_TIMEOUT_S`."""
    last = request.session.get(_SESSION_KEY)
    return not last or _wait_for_position(read_model, UUID(last[0]), last[1], PAGE_TIMEOUT_S)


def _wait_for_position(read_model: str, aggregate_id: UUID, position: int, timeout_s: float) -> bool:
    deadline = monotonic() + timeout_s
    while not position_check.get()(read_model, aggregate_id, position):
        if monotonic() > deadline:
            return False
        sleep(_POLL_INTERVAL_S)
    return True


# --- API clients -------------------------------------------------------------------------------------------------

#: The default wait of an API request without `Prefer: wait=…` (RFC 7240), and the longest wait it may prefer.
API_TIMEOUT_S: Final = 2.0
MAX_WAIT_S: Final = 10
_TOKEN: Final = re.compile(r"([0-9a-f]{32})-(\d{1,18})")
_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")


def consistency_token(receipt: Receipt) -> str:
    """The `Consistency-Token` of a command: aggregate id and store position."""
    return f"{receipt.aggregate_id.hex}-{receipt.position}"


def wait_for_token(headers: Mapping[str, str], read_model: str) -> bool:
    """Wait for the read model to reach the position in the request's `Consistency-Token`; True without a token.

    Returns False if the read model is still behind after the preferred wait. Raises `InvalidHeader` for a malformed
    token.
    """
    token = headers.get("Consistency-Token", "").strip()
    if not token:
        return True
    match = _TOKEN.fullmatch(token)
    if match is None:
        detail = "is malformed: send the value from a command's response"
        raise InvalidHeader(
            f"Consistency-Token {detail}", locations=[{"header": "Consistency-Token", "detail": detail}]
        )
    return _wait_for_position(read_model, UUID(match[1]), int(match[2]), preferred_wait_s(headers, API_TIMEOUT_S))


def preferred_wait_s(headers: Mapping[str, str], default_s: float = 0) -> float:
    """The seconds of the header `Prefer: wait=…` (RFC 7240), at most `MAX_WAIT_S`; `default_s` without it."""
    match = _WAIT.search(headers.get("Prefer", ""))
    return min(float(match[1]), MAX_WAIT_S) if match else default_s
