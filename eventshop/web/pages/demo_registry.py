"""Demo data for an empty store, registered by each app, and the demo customer who can sign in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope

#: Returns the demo commands up to a time, in order.
DemoCommands: TypeAlias = Callable[[datetime], list[tuple[Command, Envelope]]]

#: `manage.py ensure_demo_customer` creates this customer. Demo data of an empty store is created before.
EMAIL: Final = "demo@example.org"
SIGN_UP_FORM_ID: Final = derive_id("demo-sign-up", EMAIL)
CUSTOMER_ID: Final[UUID] = derive_id("person", SIGN_UP_FORM_ID)

_demos: Final[list[DemoCommands]] = []
_fault_demos: Final[list[DemoCommands]] = []
_customer_demos: Final[list[DemoCommands]] = []


def register(demo: DemoCommands) -> None:
    """Register demo data that is created once, in an empty store."""
    if demo not in _demos:
        _demos.append(demo)


def register_faults(demo: DemoCommands) -> None:
    """Register what gives the console something to look at; `seed_demo --with-faults` adds it to the demo data."""
    if demo not in _fault_demos:
        _fault_demos.append(demo)


def register_customer_demo(demo: DemoCommands) -> None:
    """Register the demo customer's commands. They are sent at every start, so they must not depend on `now`."""
    if demo not in _customer_demos:
        _customer_demos.append(demo)


def commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """The registered commands of all apps."""
    return [command for demo in _demos for command in demo(now)]


def fault_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """The registered commands of all apps that give the console something to look at."""
    return [command for demo in _fault_demos for command in demo(now)]


def customer_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """The registered commands of the demo customer, of all apps."""
    return [command for demo in _customer_demos for command in demo(now)]
