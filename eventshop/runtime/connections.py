"""Database connections of worker threads."""

from __future__ import annotations

import logging

from django.db import connections

log = logging.getLogger(__name__)


def release_connections() -> None:
    """Return this thread's pooled connections to their pool; to be called before a wait, outside any transaction.

    A connection without a pool stays open: opening one takes longer than most waits.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict.get("OPTIONS", {}).get("pool"):
            connection.close()


def close_connections() -> None:
    """Close all connections of this thread. Never raises: a connection that cannot be closed is discarded."""
    for connection in connections.all(initialized_only=True):
        try:
            connection.close()
        except Exception as error:  # the round that closes after a failure must go on
            log.debug("A connection to %s could not be closed: %s", connection.alias, error)
