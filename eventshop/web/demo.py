"""What an empty program shows: demo data that each application adds, and the customer who can sign in to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.ids import derived_id
from eventshop.core.message import Command, Envelope

#: Commands up to a moment, in their order.
Demo: TypeAlias = Callable[[datetime], list[tuple[Command, Envelope]]]

#: `manage.py ensure_demo_customer` makes this customer; the data is there before.
EMAIL: Final = "demo@example.org"
FORM: Final = derived_id("demo-sign-up", EMAIL)
CUSTOMER: Final[UUID] = derived_id("person", FORM)

_demos: Final[list[Demo]] = []


def register(demo: Demo) -> None:
    if demo not in _demos:
        _demos.append(demo)


def commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """What all applications have added."""
    return [it for demo in _demos for it in demo(now)]
