"""Request ids: returned to the client, stored with every event of the request, and logged for later look-ups."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from secrets import token_hex
from time import monotonic
from typing import Any, Final
from uuid import UUID

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from eventshop.core.messages import new_id
from eventshop.core.request_context import MAX_RECORDED_COMMANDS, REQUEST_ID_KEY, RequestContext, use_request_context
from eventshop.eventstore.unit_of_work import relax_commit
from eventshop.operations.access_log.recorder import record_response
from eventshop.operations.models import WebRequest
from eventshop.runtime import tracing

log = logging.getLogger(__name__)

#: Too many requests, and unavailable: a client learns when to come again, from whichever view.
_BUSY_STATUSES: Final = (429, 503)
#: The `Retry-After` where nobody knows better; a restarted PostgreSQL is back within seconds.
RETRY_AFTER_S: Final = 5
#: Asked every few seconds, by programs.
_UNTRACED: Final = ("/healthz", "/readyz", "/metrics")
#: The attribute of a response with the code of the problem that it tells, for its record.
PROBLEM_CODE: Final = "problem_code"
#: A UUID, also without hyphens, as nginx makes it.
_REQUEST_ID: Final = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: W3C Trace Context, level 1: version, trace id, parent id, flags. A later version may have more fields.
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")


@sync_and_async_middleware
def request_log_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: give each request an id (`X-Request-ID`) and a trace.

    The id is the caller's if it sent a valid one, and so is the trace where TRUST_TRACEPARENT says so.
    """
    if iscoroutinefunction(get_response):

        async def handle_async(request: HttpRequest) -> HttpResponseBase:
            with _server_span(request) as traceparent:
                seen = LoggedRequest(request, traceparent)
                with use_request_context(seen.handling):
                    answer: HttpResponseBase = await _await_response(get_response(request))
                    await sync_to_async(seen.finish)(request, answer)
            return answer

        return handle_async

    def handle(request: HttpRequest) -> HttpResponseBase:
        with _server_span(request) as traceparent:
            seen = LoggedRequest(request, traceparent)
            with use_request_context(seen.handling):
                answer: HttpResponseBase = get_response(request)
                seen.finish(request, answer)
        return answer

    return handle


class LoggedRequest:
    """A request in progress: its id, trace and commands."""

    def __init__(self, request: HttpRequest, traceparent: str = "") -> None:
        """`traceparent` is that of the request's span; without one it gets an id that starts or continues a trace."""
        self.request_id = parse_request_id(request.headers.get("X-Request-ID", "")) or new_id()
        request.META[REQUEST_ID_KEY] = str(self.request_id)
        self.started = monotonic()
        if not traceparent:
            trace_id, flags = parse_traceparent(_trusted_traceparent(request)) or (self.request_id.hex, "00")
            traceparent = f"00-{trace_id}-{token_hex(8)}-{flags}"
        self.trace_id = traceparent.split("-")[1]
        self.handling = RequestContext(
            {
                "request_id": str(self.request_id),
                # This server is the parent span of everything that follows from this request.
                "traceparent": traceparent,
            },
            actor=lambda: _known_actor(request),
        )

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Log the request's commands and reads. Raises `AccessLogFull`: then the response must not be sent."""
        record_response(request, response, self.request_id, self.handling.access_notes)
        response["X-Request-ID"] = str(self.request_id)
        if response.status_code in _BUSY_STATUSES:
            response.setdefault("Retry-After", str(RETRY_AFTER_S))
        if tracing.is_on():
            self._annotate_span(request, response)
        # Refusals are kept for the owner of the token, but not those of a token that asks too often.
        is_refused = _token_of(request) is not None and response.status_code >= 400 and response.status_code != 429
        if self.handling.command_ids or is_refused:
            try:
                with relax_commit():
                    self._store(request, response)
            except DatabaseError as error:  # its events are stored; only its row is missing
                log.warning("request %s could not be logged: %s", self.request_id, error)

    def _annotate_span(self, request: HttpRequest, response: HttpResponseBase) -> None:
        match = request.resolver_match
        attributes: dict[str, str | int] = {
            "http.request.method": request.method or "",
            "http.route": match.route if match else "",  # not the path, which may contain personal data
            "http.response.status_code": response.status_code,
            "eventshop.request_id": str(self.request_id),
        }
        tracing.annotate(f"{request.method} {match.route if match else ''}".rstrip(), **attributes)

    def _store(self, request: HttpRequest, response: HttpResponseBase) -> None:
        user = getattr(request, "user", None)
        match = request.resolver_match
        is_recorded = _insert_web_request(
            request_id=self.request_id,
            trace_id=self.trace_id,
            method=(request.method or "")[:10],
            # The route pattern, not the path, which may contain personal data.
            route=(match.route if match else "")[:200],
            actor=str(user.pk) if user is not None and user.is_authenticated else "",
            status=response.status_code,
            took_ms=int((monotonic() - self.started) * 1000),
            commands=" ".join(map(str, self.handling.command_ids)),
            sent=self.handling.command_count,
            token=_token_of(request),
            problem=getattr(response, PROBLEM_CODE, "")[:60],
        )
        if not is_recorded:
            log.warning("the id of this request is that of another one, whose record stays")


def _token_of(request: HttpRequest) -> int | None:
    """The primary key of the API token that a request came with; the API's authentication sets it."""
    return getattr(getattr(request, "auth", None), "pk", None)


_FIELDS: Final = WebRequest._meta.concrete_fields
_COLUMNS: Final = ", ".join(str(field.column) for field in _FIELDS)
_TABLE: Final = WebRequest._meta.db_table
#: A client may repeat a request with its id: then the row lists the commands of both, if one actor made them.
_INSERT: Final = f"""
    INSERT INTO {_TABLE} ({_COLUMNS}) VALUES ({", ".join(["%s"] * len(_FIELDS))})
    ON CONFLICT (request_id) DO UPDATE SET
        commands = CASE WHEN {_TABLE}.sent < {MAX_RECORDED_COMMANDS}
            THEN {_TABLE}.commands || ' ' || excluded.commands ELSE {_TABLE}.commands END,
        sent = {_TABLE}.sent + excluded.sent,
        took_ms = {_TABLE}.took_ms + excluded.took_ms,
        status = excluded.status
    WHERE {_TABLE}.actor = excluded.actor AND {_TABLE}.route = excluded.route"""  # noqa: S608  (only names)


def _insert_web_request(**values: Any) -> bool:
    """Insert a row with plain SQL: for each command, building the statement would cost more time than running it.

    False if another request has this id.
    """
    row = WebRequest(**values)
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT, [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in _FIELDS]
        )
        return bool(cursor.rowcount)


def _trusted_traceparent(request: HttpRequest) -> str:
    """The caller's traceparent, where callers may continue their traces here; a stranger must not choose our ids."""
    return request.headers.get("traceparent", "").strip() if settings.TRUST_TRACEPARENT else ""


def _server_span(request: HttpRequest) -> AbstractContextManager[str]:
    """The span of a request: of the caller's trace where it is trusted, otherwise linked with it."""
    if not tracing.is_on() or request.path_info.startswith((*_UNTRACED, settings.STATIC_URL)):
        return nullcontext("")
    caller = request.headers.get("traceparent", "").strip()
    if parse_traceparent(caller) is None:
        caller = ""
    if caller and settings.TRUST_TRACEPARENT:
        return tracing.span("request", kind="server", parent=caller)
    return tracing.span("request", kind="server", causes=[caller], root=True)


def _known_actor(request: HttpRequest) -> str:
    """The id of who signed in, if that has been found out: a log line must not ask the database."""
    user = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    if user is None or isinstance(user, SimpleLazyObject):
        return ""
    return str(user.pk or "")


def parse_request_id(header: str) -> UUID | None:
    """The request id that a proxy or client has chosen; None for anything but a UUID, which could name a person."""
    if not _REQUEST_ID.fullmatch(header):
        return None
    return UUID(header)


def parse_traceparent(header: str) -> tuple[str, str] | None:
    """Trace id and flags of a traceparent header; None for an invalid one, which is treated as missing."""
    match = _TRACEPARENT.fullmatch(header.strip())
    if match is None or (match[3] and header.strip().startswith("00")):
        return None
    return match[1], match[2]


async def _await_response(answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    return await answer
