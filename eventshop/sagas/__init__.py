"""Sagas: the event router, the inbox, the saga runner, durable timers, and effects on external systems."""
