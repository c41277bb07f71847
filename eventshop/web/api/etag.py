"""Optimistic concurrency over HTTP: `If-Match` (RFC 9110) with the aggregate's version as the entity tag."""

from __future__ import annotations

import re
from typing import Final

from rest_framework.request import Request

from eventshop.web.shared.errors import InvalidHeader, PreconditionMissing

_ENTITY_TAG: Final = re.compile(r'"(\d{1,9})"')


def etag(version: int) -> str:
    return f'"{version}"'


def expected_version(request: Request, *, required: bool = True) -> int | None:
    """The version in `If-Match`; None for `*`. Raises `PreconditionMissing` or `InvalidHeader`.

    The store compares it in the transaction of the append, so no other append can come in between.
    """
    tag = request.headers.get("If-Match", "").strip()
    if not tag and not required:
        return None
    if not tag:
        raise PreconditionMissing(locations=[{"header": "If-Match", "detail": "is missing"}])
    if tag == "*":
        return None
    match = _ENTITY_TAG.fullmatch(tag)
    if match is None:
        detail = 'must be one entity tag such as "7", or *'
        raise InvalidHeader(f"If-Match {detail}", locations=[{"header": "If-Match", "detail": detail}])
    return int(match[1])
