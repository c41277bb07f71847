"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a command sent again is answered, not done again.

The key and who sends it give the command's id, and the store keeps a receipt of each id for ever. The cache is asked
only to tell a twin that the first one is still running; while it is away the twin waits in the database instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request

from eventshop.core.deterministic_ids import derived_id
from eventshop.web.api.base_view import signed_in
from eventshop.web.shared.errors import InvalidHeader, KeyMissing, TwinRunning

#: A structured-field string, or the same without its quotes.
_KEY: Final = re.compile(r'"([!#-~]{1,200})"|([!#-~]{1,200})')
#: If a process dies with a command in hand, its twins are told to wait no longer than this.
_FORGOTTEN_S: Final = 30


def command_id(request: Request) -> UUID:
    """The id of the command that a request is; raises `KeyMissing` or `InvalidHeader`."""
    given = request.headers.get("Idempotency-Key", "").strip()
    if not given:
        raise KeyMissing(where=[{"header": "Idempotency-Key", "detail": "is missing"}])
    found = _KEY.fullmatch(given)
    if found is None:
        said = "is 1 to 200 printable characters without blanks"
        raise InvalidHeader(f"Idempotency-Key {said}", where=[{"header": "Idempotency-Key", "detail": said}])
    return derived_id("api", signed_in(request).pk, found[1] or found[2])


@contextmanager
def alone(command_id: UUID) -> Iterator[None]:
    """Around carrying out a command; raises `TwinRunning` while another request does so."""
    name = f"api-command:{command_id}"
    try:
        first = cache.add(name, True, _FORGOTTEN_S)
    except (RedisError, OSError):
        yield
        return
    if not first:
        raise TwinRunning
    try:
        yield
    finally:
        with suppress(RedisError, OSError):  # it forgets by itself
            cache.delete(name)
