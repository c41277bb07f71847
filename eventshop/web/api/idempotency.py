"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a retried command is answered, not executed again.

The command id is derived from the key and the sender, and the store keeps the receipt of each command id for ever. The
cache only serves to refuse a duplicate while the first request is still running; without the cache the duplicate
waits for the database lock instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

from django.core.cache import cache
from rest_framework.request import Request

from eventshop.core.deterministic_ids import derive_id
from eventshop.runtime.cache_errors import cache_errors
from eventshop.web.api.base_view import require_login
from eventshop.web.shared.errors import CommandInProgress, IdempotencyKeyMissing, InvalidHeader

#: A structured-field string (RFC 8941), or the same without its quotes, and then without a comma: servers join the
#: values of a header that is sent twice by one.
_KEY: Final = re.compile(r'"([!#-~]{1,200})"|([!#-+\--~]{1,200})')
#: If a process dies while it executes a command, duplicates are refused no longer than this.
_LOCK_TTL_S: Final = 30


def command_id_from(request: Request) -> UUID:
    """The command id of a request; raises `IdempotencyKeyMissing` or `InvalidHeader`."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise IdempotencyKeyMissing(locations=[{"header": "Idempotency-Key", "detail": "is missing"}])
    match = _KEY.fullmatch(key)
    if match is None:
        detail = "must be sent once: 1 to 200 printable characters without spaces, in quotes if there is a comma"
        raise InvalidHeader(f"Idempotency-Key {detail}", locations=[{"header": "Idempotency-Key", "detail": detail}])
    return derive_id("api", require_login(request).pk, match[1] or match[2])


@contextmanager
def command_lock(command_id: UUID) -> Iterator[None]:
    """Hold the lock of a command while executing it; raises `CommandInProgress` if another request holds it."""
    name = f"api-command:{command_id}"
    try:
        acquired = cache.add(name, True, _LOCK_TTL_S)
    except cache_errors():
        yield
        return
    if not acquired:
        raise CommandInProgress
    try:
        yield
    finally:
        with suppress(*cache_errors()):  # the entry expires by itself
            cache.delete(name)
