"""A program of the release before: the same one without some event types, which only the newer release knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.eventstore import aggregate_cache


def forget_event_types(*names: str, registry: MessageRegistry = program) -> None:
    """Let a registry know these stored names no longer."""
    for name in names:
        del registry.events[name]
    registry._readers.clear()
    aggregate_cache._cache.clear()  # a process of that release has read nothing of the newer one


@contextmanager
def older_program(*names: str, registry: MessageRegistry = program) -> Iterator[None]:
    """The program does not know these event types during the block."""
    before = dict(registry.events)
    forget_event_types(*names, registry=registry)
    try:
        yield
    finally:
        registry.events.update(before)
        registry._readers.clear()
