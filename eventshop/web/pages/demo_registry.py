"""What an empty program shows: demo data that each application adds, and the customer who can sign in to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope

#: Commands up to a moment, in their order.
DemoCommands: TypeAlias = Callable[[datetime], list[tuple[Command, Envelope]]]

#: `manage.py ensure_demo_customer` makes this customer. Demo data of an empty store is there before.
EMAIL: Final = "demo@example.org"
SIGN_UP_FORM_ID: Final = derive_id("demo-sign-up", EMAIL)
CUSTOMER_ID: Final[UUID] = derive_id("person", SIGN_UP_FORM_ID)

_demos: Final[list[DemoCommands]] = []
_customer_demos: Final[list[DemoCommands]] = []


def register(demo: DemoCommands) -> None:
    """Add what an empty store is filled with, once."""
    if demo not in _demos:
        _demos.append(demo)


def register_customer_demo(demo: DemoCommands) -> None:
    """Add what the demo customer has done. Told at every start: its ids and contents must not depend on the moment."""
    if demo not in _customer_demos:
        _customer_demos.append(demo)


def commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """What all applications have added."""
    return [it for demo in _demos for it in demo(now)]


def customer_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """What all applications have added for the demo customer."""
    return [it for demo in _customer_demos for it in demo(now)]
