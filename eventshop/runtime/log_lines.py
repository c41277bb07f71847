"""Formats log records: one line of JSON each for machines, or a line of text for people. Neither shows personal data.

Our own code logs ids and names only, and gives exceptions as arguments; `log_errors` decides what is said of them. What
other programs put into their messages (paths, addresses, the arguments of a task) is left out here, logger by logger.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from eventshop.core.log_context import log_fields
from eventshop.core.messages import Meta
from eventshop.core.request_context import REQUEST_ID_KEY, request_log_fields
from eventshop.runtime.log_errors import describe_error, format_error

#: The last defence: an address that got into a message all the same. A match begins only where a word does, and its
#: parts hold no `@`: a long text of a client would otherwise cost the cube of its length.
_MAIL_ADDRESS: Final = re.compile(r"(?<![^\s'\"<>(),;:=@])[^\s'\"<>(),;:=@]+@[^\s'\"<>(),;:=/@]+\.\w+")
_ADDRESS_OF_CLIENT: Final = re.compile(r"\bip=\S+")


class SafeFormatter(logging.Formatter):
    """What both formats have in common: the message, the context and the error of a record, safe to write."""

    def message_of(self, record: logging.LogRecord) -> str:
        for prefix, rewrite in _REWRITTEN:
            if record.name.startswith(prefix):
                return rewrite(record)
        return _MAIL_ADDRESS.sub("[e-mail]", _interpolate(record))

    def context_of(self, record: logging.LogRecord) -> dict[str, str]:
        fields = request_log_fields()
        if not fields and (request := getattr(record, "request", None)) is not None:
            # Django logs some responses when it has left the request's context.
            fields = {"request_id": getattr(request, "META", {}).get(REQUEST_ID_KEY, "")}
        for name, value in log_fields().items():
            if isinstance(value, Meta):
                trace = str(value.metadata.get("traceparent", "")).split("-")
                fields |= {
                    "event_id": str(value.event_id),
                    "event_type": value.event_type,
                    "position": str(value.position),
                    "command_id": str(value.command_id),
                    "actor": value.actor,
                    **({"trace_id": trace[1]} if len(trace) == 4 else {}),
                }
            elif value not in (None, ""):
                fields[name] = str(value)
        return fields

    def error_of(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return format_error(error) if error is not None else ""


class JsonFormatter(SafeFormatter):
    """One JSON object on a line. `time` is UTC; `request_id`, `trace_id` and others are there where they are known."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message_of(record),
            **self.context_of(record),
            "process": os.getpid(),
            "thread": record.threadName,
        }
        if error := self.error_of(record):
            line["error"] = error
        return msgspec.json.encode(line).decode()


class ConsoleFormatter(SafeFormatter):
    """Time, level, logger, message and context; the traceback on the lines below."""

    def format(self, record: logging.LogRecord) -> str:
        context = " ".join(f"{name}={value}" for name, value in self.context_of(record).items())
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {self.message_of(record)}"
        return "\n".join(filter(None, [f"{line} [{context}]" if context else line, self.error_of(record)]))


def log_uncaught_errors() -> None:
    """Log what ends a thread or the process, in place of Python's own output: that shows the message of the error.

    For programs that run without a person watching. A command that somebody types shows its error to them.
    """
    log = logging.getLogger("eventshop")
    sys.excepthook = lambda kind, error, trace: log.critical("this process ends", exc_info=error)
    sys.unraisablehook = lambda args: log.error("an error could not be raised", exc_info=args.exc_value)
    import threading

    threading.excepthook = lambda args: log.error("a thread ended", exc_info=args.exc_value)
    logging.raiseExceptions = False  # a record that cannot be formatted would be printed with its arguments
    logging.captureWarnings(True)


def _interpolate(record: logging.LogRecord) -> str:
    """As `getMessage`, with `describe_error` in place of each exception's text."""
    message = describe_error(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
    if not record.args:
        return message
    if isinstance(record.args, tuple):
        return message % tuple(describe_error(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
    return message % record.args


def _request_message(record: logging.LogRecord) -> str:
    """Django logs the path of a request, which anybody may have typed: the route stands for it."""
    request: Any = getattr(record, "request", None)
    match = getattr(request, "resolver_match", None)
    route = match.route if match else "no route"
    return f"{getattr(request, 'method', '')} {route}: {getattr(record, 'status_code', record.levelname)}".lstrip()


def _suspicious_message(record: logging.LogRecord) -> str:
    return f"refused a request: {record.name.rpartition('.')[2]}"


def _task_message(record: logging.LogRecord) -> str:
    """Celery logs the arguments of a task, its error and its traceback within the message."""
    values: Any = record.args if isinstance(record.args, dict) else {}
    return f"task {values.get('name', '')} {values.get('description', 'failed')}"


def _warning_message(record: logging.LogRecord) -> str:
    """Where a warning comes from, and its category."""
    return ":".join(_interpolate(record).splitlines()[0].split(":")[:3])


def _gunicorn_message(record: logging.LogRecord) -> str:
    """Gunicorn logs the URI of a request that failed, and the address of a client that it could not understand."""
    message = str(record.msg)
    if "%s" in message and message.startswith("Error handling request"):
        return "error handling a request"
    return _ADDRESS_OF_CLIENT.sub("ip=[address]", _interpolate(record))


_REWRITTEN: Final[tuple[tuple[str, Callable[[logging.LogRecord], str]], ...]] = (
    ("django.request", _request_message),
    ("django.security", _suspicious_message),
    ("celery.app.trace", _task_message),
    ("gunicorn", _gunicorn_message),
    ("py.warnings", _warning_message),
)
