"""What a log line may say of an exception: never its message, where that may quote a person's data.

PostgreSQL quotes the row that it refuses, a handler the value that it could not use. So the log names the class, the
place, and what identifies the error (SQLSTATE, constraint); the message only of errors whose texts are about machines.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Final

from django.db import InterfaceError, OperationalError

from eventshop.core.errors import CommandRefused, EventShopError, InvalidMessage

#: Packages whose errors tell of servers and connections.
_OF_MACHINES: Final = frozenset({"kafka", "redis", "kombu", "amqp", "eventshop"})


def describe_error(error: BaseException) -> str:
    """One line on an exception, without any value that a client, an event or a row may have brought in."""
    name = type(error).__name__
    if isinstance(error, OperationalError | InterfaceError):
        return f"{name}: {_database_message(error)}"
    if isinstance(error, EventShopError):
        # Refusals and validation quote the values of the command.
        return name if isinstance(error, CommandRefused | InvalidMessage) else f"{name}: {error}"
    if state := getattr(error.__cause__ or error, "sqlstate", None):
        return f"{name} (SQLSTATE {state}{_constraint(error.__cause__ or error)})"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    if type(error).__module__.partition(".")[0] in _OF_MACHINES:
        return f"{name}: {error}"
    return name


def format_error(error: BaseException) -> str:
    """The traceback without source lines, and `describe_error` in place of each message."""
    return "".join(_format_chain(error, set())).rstrip("\n")


def _format_chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        yield from _format_chain(cause, seen)
        yield "which led to:\n"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
    yield f"{describe_error(error)}\n"


def _database_message(error: BaseException) -> str:
    """PostgreSQL's first line: its DETAIL and CONTEXT may quote rows and statements."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "message_primary", None) or str(error).partition("\n")[0]


def _constraint(error: BaseException) -> str:
    name = getattr(getattr(error, "diag", None), "constraint_name", None)
    return f", {name}" if name else ""
