"""Database connections of worker threads."""

from __future__ import annotations

from django.db import connections


def release_connections() -> None:
    """Return this thread's pooled connections to their pool; to be called before a wait, outside any transaction.

    A connection without a pool stays open: opening one takes longer than most waits.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict.get("OPTIONS", {}).get("pool"):
            connection.close()
