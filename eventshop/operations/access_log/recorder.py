"""Makes a record of a read: from a request and its response, or from a command of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import ResolverMatch

from eventshop.core.message_registry import registry
from eventshop.core.request_context import AccessNotes
from eventshop.operations.access_log.batch import PendingAccess
from eventshop.operations.access_log.declarations import Logged, access_of
from eventshop.operations.access_log.writer import writer
from eventshop.operations.models import AccessRecord

#: Values without a meaning for a person: ids, numbers and times.
_TECHNICAL: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[\d:T.+Z-]{1,40}")
#: Parameters whose values are chosen from a list.
_CHOSEN: Final = frozenset(
    {"aggregate", "door", "fields", "kind", "o", "ordering", "p", "projection", "state", "status", "time", "type"}
)
_WORDS: Final = re.compile(r"[\w.,-]{1,60}")
#: In place of typed text: it may be about a person, and the log cannot forget it.
TYPED: Final = "(typed)"


def record_response(request: HttpRequest, response: HttpResponseBase, request_id: UUID, notes: AccessNotes) -> None:
    """Queue the record of a successful read through a view that declares it. Raises `AccessLogFull`.

    A response without content is no read: not 304, and no page of a feed without events.
    """
    match = request.resolver_match
    if match is None or response.status_code >= 300:
        return
    access = access_of(match.func)
    if not isinstance(access, Logged):
        return
    door = _door_of(match)
    # What a program posts is a command, which leaves its own trace; the admin shows the same for every method.
    if door == AccessRecord.Door.API and request.method not in ("GET", "HEAD"):
        return
    kind = notes.get("kind", access.kind)
    user = request.user
    if not user.is_authenticated or (kind == AccessRecord.Kind.FEED and not notes.get("rows")):
        return
    stream, key = _target_of(match)
    token = getattr(request, "auth", None)
    writer.add(
        PendingAccess(
            read_at_s=monotonic(),
            # The user name of a customer's login is the person's id.
            actor=user.get_username(),
            login=user.pk if user.is_staff else None,
            program=getattr(token, "begins", ""),
            door=door,
            kind=kind,
            route=match.route[:200],
            stream=notes.get("stream", stream),
            key=key,
            filters=describe_filters(request.GET.lists()),
            first=notes.get("first"),
            last=notes.get("last"),
            rows=notes.get("rows"),
            request_id=request_id,
            command_id=notes.get("command_id"),
        )
    )


def describe_filters(parameters: Iterable[tuple[str, Iterable[Any]]]) -> str:
    """The parameters of a read as text. Of typed text only that there was some."""
    parts = [
        f"{re.sub(r'[^A-Za-z0-9_]', '', name)[:60]}={_describe_value(name, str(value))}"
        for name, values in parameters
        for value in values
        if str(value)
    ]
    return "&".join(parts)[:500]


def _describe_value(name: str, value: str) -> str:
    if _TECHNICAL.fullmatch(value) or value in registry.events or value in registry.aggregates:
        return value
    if name.partition("__")[0] in _CHOSEN and _WORDS.fullmatch(value):
        return value
    return TYPED


def _door_of(match: ResolverMatch) -> AccessRecord.Door:
    if "admin" in match.namespaces:
        return AccessRecord.Door.ADMIN
    return AccessRecord.Door.API if hasattr(match.func, "cls") else AccessRecord.Door.PAGE


def _target_of(match: ResolverMatch) -> tuple[UUID | None, str]:
    """The stream or the key of the row in the URL."""
    for value in match.kwargs.values():
        stream = value if isinstance(value, UUID) else parse_stream(value)
        return (stream, "") if stream else (None, str(value).replace("\x00", "")[:100])
    return None, ""


def parse_stream(value: object) -> UUID | None:
    """The id of a stream in a text; None for another text."""
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None
