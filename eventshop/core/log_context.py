"""Fields that every log line of the enclosed code carries: which command, event, projection or saga it is about."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Final

_fields: Final[ContextVar[dict[str, Any]]] = ContextVar("log_fields", default={})  # noqa: B039  (it is never changed)


class log_context:
    """Add fields for the enclosed block, in this thread or task: ids and names, never personal data.

    What it yields may be changed inside the block, as a loop does that goes through many events: setting a key costs
    a tenth of another block. A value that is an event's `Meta` stands for its id, position, stream and trace.
    """

    __slots__ = ("_added", "_token")

    def __init__(self, **fields: Any) -> None:
        self._added = fields

    def __enter__(self) -> dict[str, Any]:
        fields = {**_fields.get(), **self._added}
        self._token: Token[dict[str, Any]] = _fields.set(fields)
        return fields

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


def log_fields() -> dict[str, Any]:
    """The fields of the present context; not to be changed."""
    return _fields.get()
