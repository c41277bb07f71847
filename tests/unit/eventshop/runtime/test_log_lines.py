"""Log lines say what happened and where, and quote nothing that a client, an event or a row brought in."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError
from django.test import RequestFactory
from django.urls import resolve

from eventshop.core.errors import BrokenStream, CommandRefused, InvalidMessage
from eventshop.core.log_context import log_context
from eventshop.core.messages import Meta, new_id
from eventshop.core.request_context import RequestContext, use_request_context
from eventshop.runtime.log_lines import ConsoleFormatter, JsonFormatter

NAME = "Planted"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def record(message: Any, *args: Any, name: str = "eventshop.test", error: BaseException | None = None, **extra: Any):  # type: ignore[no-untyped-def]
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.getLogger(name).makeRecord(name, logging.ERROR, __file__, 1, message, args, exc_info, extra=extra)
    return made


def line_of(*args: Any, **options: Any) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(JsonFormatter().format(record(*args, **options)))
    return line


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException:
        caught = sys.exc_info()[1]
        assert caught is not None
        return caught


class UniqueViolation(Exception):
    """As psycopg's."""

    sqlstate = "23505"

    class diag:
        constraint_name: ClassVar[str] = "email_once"
        message_primary: ClassVar[str] = f"Key (name)=({NAME})"


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (ValueError(f"no {NAME}"), "ValueError"),
        (raised(IntegrityError(f"({NAME})"), UniqueViolation(NAME)), "IntegrityError (SQLSTATE 23505, email_once)"),
        (OperationalError(f"no connection\nDETAIL: {NAME}"), "OperationalError: no connection"),
        (InvalidMessage(f"{NAME}: too long"), "InvalidMessage"),
        (CommandRefused(name=NAME), "CommandRefused"),
        (BrokenStream("version 3 is missing"), "BrokenStream: version 3 is missing"),
        (FileNotFoundError(2, "No such file or directory", NAME), "FileNotFoundError: No such file or directory"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_of_an_error_its_class_is_told_and_its_message_only_if_it_is_about_machines(
    error: BaseException, description: str
) -> None:
    assert line_of("it failed: %s", error)["message"] == f"it failed: {description}"
    assert line_of(error)["message"] == description


def test_a_traceback_shows_where_each_error_of_the_chain_came_from_and_no_message() -> None:
    error = raised(IntegrityError(f"({NAME})"), raised(ValueError(f"what is {NAME}?")))
    text = line_of("it failed", error=error)["error"]
    assert text.count("in raised") == 2 and NAME not in text
    assert text.index("ValueError") < text.index("which led to:") < text.index("IntegrityError")
    assert ConsoleFormatter().format(record("it failed", error=error)).endswith(text)


def test_every_line_names_its_request_and_its_command() -> None:
    context = RequestContext({"request_id": "r-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, actor=lambda: "7")
    with use_request_context(context):
        before = line_of("begun")
        context.record_command(UUID(int=5))
        after = line_of("sent")
    assert (before["request_id"], before["trace_id"], before["actor"]) == ("r-1", TRACE, "7")
    assert "command_id" not in before and after["command_id"] == str(UUID(int=5))
    assert "request_id" not in line_of("outside")


def test_every_line_of_a_worker_names_the_event() -> None:
    now, ids = datetime.now(UTC), [new_id() for _ in range(4)]
    metadata = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    meta = Meta(
        ids[0], ids[1], "Order", "OrderCreated", 1, 1, now, now, ids[2], None, None, 1, ids[3], "7", metadata, b"", 42
    )
    with log_context(projection="orders"), log_context() as fields:
        fields["event"] = meta
        line, text = line_of("set aside"), ConsoleFormatter().format(record("set aside"))
    expected = {"projection": "orders", "event_id": str(ids[0]), "event_type": "OrderCreated", "position": "42"}
    expected |= {"command_id": str(ids[3]), "actor": "7", "trace_id": TRACE}
    assert expected.items() <= line.items()
    assert "[projection=orders event_id=" in text
    assert "projection" not in line_of("outside")


def _request(path: str, name: str = "") -> Any:
    request = RequestFactory().get(path)
    if name:
        request.resolver_match = resolve(name)
    return request


@pytest.mark.parametrize(
    ("logger", "message", "args", "extra", "expected"),
    [
        ("django.request", "%s: %s", ("Not Found", f"/{NAME}"), {"request": _request(f"/{NAME}"), "status_code": 404},
         "GET no route: 404"),
        ("django.request", "%s: %s", ("Error", f"/healthz?{NAME}"),
         {"request": _request(f"/healthz?{NAME}", "/healthz"), "status_code": 500}, "GET healthz: 500"),
        ("django.security.DisallowedHost", f"Invalid HTTP_HOST header: {NAME}", (), {},
         "refused a request: DisallowedHost"),
        ("celery.app.trace", "Task %(name)s raised: %(exc)s\n%(traceback)s",
         ({"name": "work", "description": "raised unexpected", "exc": NAME, "traceback": NAME},), {},
         "task work raised unexpected"),
        ("gunicorn.error", "Error handling request %s", (f"/?q={NAME}",), {}, "error handling a request"),
        ("gunicorn.error", "Invalid request from ip=10.0.0.7: bad", (), {}, "Invalid request from ip=[address] bad"),
        ("py.warnings", f"/a/b.py:7: UserWarning: {NAME}\n  warn({NAME})", (), {}, "/a/b.py:7: UserWarning"),
        ("any.library", "no mailbox %s", ("planted.ada@example.org",), {}, "no mailbox [e-mail]"),
    ],
)  # fmt: skip
def test_what_other_programs_quote_is_left_out(
    logger: str, message: str, args: tuple[Any, ...], extra: dict[str, Any], expected: str
) -> None:
    assert line_of(message, *args, name=logger, **extra)["message"] == expected


@pytest.mark.parametrize("text", ["a@" * 10_000, "a" * 20_000, "a@b." * 5_000, "a@" + "b." * 10_000])
def test_a_long_text_is_searched_for_addresses_in_no_time(text: str) -> None:
    assert line_of("%s ada@example.org", text)["message"].endswith(" [e-mail]")
