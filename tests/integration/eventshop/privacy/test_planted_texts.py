"""After an erasure no text is left that somebody wrote: planted in every event type, and sent over the API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User as Login
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.core.messages import Event
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import projection_registry
from orders.domain.commands import CreateOrder, DeclineReturn
from orders.domain.events import ReturnRequested
from tests.support.api_clients import ApiClient, shopper
from tests.support.database import dump_database
from tests.support.erasures import erase_person
from tests.support.order_payments import pay_order
from tests.support.read_models import append, catch_up
from tests.support.sales import LANTERNS, Sale
from tests.unit.orders.domain.test_stored_names import STORED as ORDERS
from tests.unit.trading.domain.test_stored_names import STORED as TRADING
from tests.unit.users.application.test_user_timeline import EVENTS as PEOPLE
from users.domain.events import UserCreated

pytestmark = pytest.mark.usefixtures("clean_database")

MARK: Final = "zzplanted"
#: What is placed and released is one hold, or it blocks the erasure.
HOLD: Final = f"{MARK}-hold"
#: The road of the erasure itself: these events come from its commands.
_OF_THE_ERASURE: Final = ("ErasureRequested", "ErasureCancelled", "ErasureBegun", "CategoriesErased", "DataErased")


@pytest.fixture(autouse=True)
def surroundings(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


class Planter:
    """Writes a marker of its own into every text that an event keeps encrypted."""

    def __init__(self) -> None:
        self.markers: dict[str, str] = {}

    def plant(self, event: Event, **ids: UUID) -> Event:
        changes: dict[str, Any] = {name: value for name, value in ids.items() if name in event.__struct_fields__}
        for field in registry.personal_fields_of(type(event)):
            marker = f"{MARK}{len(self.markers):03d}"
            self.markers[marker] = f"{type(event).__name__}.{field.name}"
            changes[field.name] = self._text(field.name, marker)
        return replace(event, **changes)

    def _text(self, name: str, marker: str) -> str:
        return {"email": f"{marker}@example.org", "customer_external_id": f"shop:{marker}"}.get(name, marker)

    def left(self) -> list[str]:
        dump = dump_database().lower()
        markers = {**self.markers, HOLD: "hold"}
        return [f"{marker}: {where}" for marker, where in markers.items() if marker in dump]


def erase(person: UUID) -> None:
    assert erase_person(person).step == "done"
    catch_up(*projection_registry.select([]))


def _streams_of(planter: Planter, person: UUID) -> Iterator[tuple[UUID, list[Event]]]:
    """Every event type, in streams that are the person's."""
    order, credit, trade, account, log, stock = (uuid4() for _ in range(6))
    events = {name: event for name, (event, _) in (ORDERS | TRADING).items()}
    streams: dict[UUID, list[Event]] = {stream: [] for stream in (account, order, credit, trade, log, stock)}
    for name, event in events.items():
        match registry.aggregate_of(type(event)).__name__:
            case "Order":
                stream = credit if "Credit" in name else order
                planted = planter.plant(event, order_id=stream, customer_id=person)
            case "StockItem":
                stream, planted = stock, planter.plant(event)
            case "Trade":
                stream, planted = trade, planter.plant(event, trade_id=trade, account_id=account)
            case "TradingAccount":
                stream, planted = account, planter.plant(event, account_id=account, owner_id=person)
            case _:
                stream, planted = log, planter.plant(event)
        streams[stream].append(planted)
    yield from streams.items()
    own = [planter.plant(event, user_id=person) for event, _ in PEOPLE if type(event).__name__ not in _OF_THE_ERASURE]
    own = [replace(event, hold=HOLD) if hasattr(event, "hold") else event for event in own]
    yield person, sorted(own, key=lambda event: not isinstance(event, UserCreated))


def test_no_text_of_any_event_type_is_left() -> None:
    person, planter = uuid4(), Planter()
    for stream, events in _streams_of(planter, person):
        append(stream, *events)
    known = {field.name for event in registry.events.values() for field in registry.personal_fields_of(event)}
    assert {where.split(".")[1] for where in planter.markers.values()} == known
    catch_up(*projection_registry.select([]))
    assert planter.left() != []  # the rows show it while the person is there
    erase(person)
    assert planter.left() == []
    for letter in DeadLetter.objects.all():
        assert MARK not in f"{letter.error}{letter.traceback}"


def test_no_text_that_a_customer_or_staff_sent_over_the_api_is_left() -> None:
    """Also none in receipts, requests, tokens and the like."""
    customer = shopper(f"{MARK}@example.org")
    person, boss = customer.person, ApiClient(Login.objects.create(username="boss", is_staff=True, is_superuser=True))
    assert person is not None
    shipped, cancelled = Sale(1, (LANTERNS,), customer_id=person), Sale(2, (LANTERNS,), customer_id=person)
    for sale in (shipped, cancelled):
        send(CreateOrder(sale.order_id, sale.reference, person, sale.lines, "", f"{MARK} Doe", f"5 {MARK} Road"))
    pay_order(shipped.order_id)
    path = f"orders/{shipped.order_id}"
    contact = {"name": f"{MARK} Doe", "phone": f"{MARK} 1", "address": f"{MARK} Road"}
    returned = {"lines": [{"line": 1, "quantity": 1}], "reason": f"{MARK} fell"}
    for client, method, url, body in (
        (customer, "put", f"people/{person}/contact", contact),
        (customer, "post", f"orders/{cancelled.order_id}/cancellation", {"reason": f"{MARK} Doe of 5 {MARK} Road"}),
        (boss, "post", f"{path}/shipment", {"carrier": f"{MARK} post", "tracking": f"{MARK} 7"}),
        (boss, "post", f"{path}/delivery", {"received_by": f"{MARK} neighbour"}),
        (customer, "post", f"{path}/returns", returned),
        (customer, "put", f"people/{person}/restriction", {"reason": f"{MARK} wrong"}),
        (boss, "post", f"people/{person}/holds", {"hold": f"{MARK} v. shop", "reason": f"{MARK} sued"}),
        (boss, "post", f"people/{person}/holds/release", {"hold": f"{MARK} v. shop"}),
    ):
        version = len(store.get_events(person if "people" in url else UUID(url.split("/")[1])))
        answer = client.send(method, url, body, if_match=f'"{version}"')
        assert answer.status_code < 300, (url, answer.content)
    asked = store.get_events(shipped.order_id)[-1].event
    assert isinstance(asked, ReturnRequested)
    send(DeclineReturn(shipped.order_id, asked.reference, f"{MARK} worn"))
    catch_up(*projection_registry.select([]))
    assert MARK in dump_database()
    erase(person)
    assert MARK not in dump_database().lower()
