"""What an empty program shows: demo data that each application adds, and the customer who can sign in to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.messages import Command, Envelope

#: Commands up to a moment, in their order.
Demo: TypeAlias = Callable[[datetime], list[tuple[Command, Envelope]]]

#: `manage.py ensure_demo_customer` makes this customer. Demo data of an empty store is there before.
EMAIL: Final = "demo@example.org"
FORM: Final = derived_id("demo-sign-up", EMAIL)
CUSTOMER: Final[UUID] = derived_id("person", FORM)

_demos: Final[list[Demo]] = []
_of_the_customer: Final[list[Demo]] = []


def register(demo: Demo) -> None:
    """Add what an empty store is filled with, once."""
    if demo not in _demos:
        _demos.append(demo)


def register_for_the_customer(demo: Demo) -> None:
    """Add what the demo customer has done. Told at every start: its ids and contents must not depend on the moment."""
    if demo not in _of_the_customer:
        _of_the_customer.append(demo)


def commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """What all applications have added."""
    return [it for demo in _demos for it in demo(now)]


def commands_of_the_customer(now: datetime) -> list[tuple[Command, Envelope]]:
    """What all applications have added for the demo customer."""
    return [it for demo in _of_the_customer for it in demo(now)]
