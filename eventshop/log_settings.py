"""The logging configuration: where lines go and who writes which (docs/logging.md). Never the content of a command."""

from __future__ import annotations

from typing import Any, Final

#: Loggers whose INFO or DEBUG would show personal data, or a line for each task, connection or request.
_LEVELS: Final = {
    # At DEBUG it logs each statement with its parameters, which are personal data.
    "django.db.backends": "INFO",
    # A template that fails to find a variable logs what it had.
    "django.template": "INFO",
    # At INFO it logs the characters used in a PDF, which come from names and addresses.
    "fontTools": "WARNING",
    "fpdf": "WARNING",
    # At INFO it logs its banner, every connection and every task; the periodic tasks run every few seconds.
    "celery": "WARNING",
    # It warns that a broker in the file system has no host.
    "kombu.connection": "ERROR",
    # At INFO they log their settings and every connection.
    "gunicorn.error": "WARNING",
    "kafka": "WARNING",
    # At INFO and DEBUG they log every request with its URL and headers.
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "urllib3": "WARNING",
    "opentelemetry": "WARNING",
}


def logging_config(*, level: str, json: bool, file: str) -> dict[str, Any]:
    """The configuration for `logging.config.dictConfig`; an empty `file` means standard error."""
    handler: dict[str, Any] = {"class": "logging.StreamHandler"}
    if file:
        # It looks before each line whether the file was moved, so that logrotate needs no signal.
        handler = {"class": "logging.handlers.WatchedFileHandler", "filename": file, "encoding": "utf-8"}
    formatter = "JsonFormatter" if json else "ConsoleFormatter"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"eventshop.runtime.log_lines.{formatter}"}},
        "filters": {"kafka_once": {"()": "eventshop.messaging.kafka.log_throttling.KafkaLogThrottle"}},
        "handlers": {"lines": {**handler, "formatter": "line", "filters": ["kafka_once"]}},
        "root": {"handlers": ["lines"], "level": level},
        "loggers": {
            # Without handlers: Django and gunicorn give theirs some of their own.
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            **{name: {"handlers": [], "level": least, "propagate": True} for name, least in _LEVELS.items()},
        },
    }
