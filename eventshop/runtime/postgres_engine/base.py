"""The engine's wrapper of a connection; Django finds it by this module's name."""

from __future__ import annotations

import select
from time import monotonic
from typing import Final

from django.db.backends.postgresql import base

#: A connection that was idle for longer is asked by a statement: a firewall may have forgotten it.
ASKED_AFTER_S: Final = 10.0


class DatabaseWrapper(base.DatabaseWrapper):
    """Django asks each request's connection by `SELECT 1` before its first statement, a twelfth of a request's time."""

    _used_at_s = 0.0

    def is_usable(self) -> bool:
        """A server that ends, or ends the connection, closes it: then there is something to read from its socket."""
        used_at_s, self._used_at_s = self._used_at_s, monotonic()
        if self.connection is None or self.connection.closed:
            return False
        if self._used_at_s - used_at_s < ASKED_AFTER_S and not _has_data(self.connection.fileno()):
            return True
        return bool(super().is_usable())


def _has_data(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
