"""After an erasure no text is left that came in through any door: page, console, API, payment gateway, imported file.

A text that is about no customer stays; if it names one, it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from django.test import Client

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.rights import Audience
from eventshop.privacy.models import ErasureFinding
from eventshop.projections.projection import projection_registry
from eventshop.web.permission_matrix import list_doors
from orders.domain.commands import CreateOrder
from orders.importers.online_retail.commands import customer_id
from tests.support.api_clients import ApiClient, shopper
from tests.support.doors import Call, Console, World
from tests.support.erasures import erase_person
from tests.support.gateway_process import SECRET
from tests.support.planting import Planter, forms_of, plant_files, plant_gateway_messages, plant_json
from tests.support.read_models import catch_up
from tests.support.sales import LANTERNS, Sale
from users.domain.commands import CreateUser, ReleaseLegalHold
from users.domain.user import User

pytestmark = pytest.mark.usefixtures("clean_database")

#: They end the session or the account, so that they come last; a signed-in session is made anew for each.
LAST: Final = ("account/sign-out/", "account/password/", "account/second-factor/", "account/reset/", "my/erasure/")
#: Texts about no customer, by the beginning of their place: they stay, whoever is erased.
ABOUT_NOBODY: Final = {
    "/admin/auth/": "names of staff and of their groups",
    "/admin/orders/product/": "the price list",
    "/admin/orders/category/": "the price list",
    "/admin/orders/deliveryoption/": "the price list",
    "/admin/ops/attentionitem/": "why staff put something aside",
    "/admin/web/": "addresses of webhooks",
    "/admin/users/newsletter/": "what the newsletter says",
    "/admin/projection_engine/": "why staff rebuilt, paused or skipped something",
    "/admin/process/": "why staff retried a process",
    "POST api/v1/operations/": "why staff rebuilt or paused something",
    "POST api/v1/accounts": "the name of a trading desk",
    "POST api/v1/webhooks": "addresses of webhooks",
    "POST api/v1/stock": "delivery notes and reasons of the warehouse",
    "import_online_retail StockCode": "the code of a product",
    "import_online_retail Description": "what a product is called",
    "import_online_retail Country": "the name of a country",
}
#: The address of the customer whose data is erased.
EMAIL: Final = "ada@example.org"
#: Fields of codes, which are declared as no personal texts.
CODES: Final = {"fills venue_trade_id": "the number of a trade at its venue"}


@pytest.fixture
def planter(settings: Any, tmp_path: Path) -> Iterator[Planter]:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    settings.API_RATE = "100000/m"
    settings.PAYMENT_GATEWAY_SECRET = SECRET
    with Planter(tmp_path, about_nobody=tuple(ABOUT_NOBODY), email=EMAIL).listening() as planter:
        yield planter


def plant_bodies(planter: Planter, world: World, boss: ApiClient) -> None:
    for door in list_doors():
        if door.kind == "api" and door.method in ("POST", "PUT") and "erasure" not in door.path:
            for program in (world.owner, boss):
                call = Call(door, world)
                place = f"{door.method} {door.path}"
                call.body = plant_json(planter, call.body, place, refused=set())
                answer = call.send_as(program)
                pointers = (
                    {error.get("pointer", "") for error in answer.json().get("errors", ())} if answer.content else set()
                )
                if pointers:  # no texts: the values of the example are kept there
                    call.body = plant_json(planter, Call(door, world).body, place, refused=pointers)
                    answer = call.send_as(program)
                assert answer.status_code < 500, (place, answer.content)


def plant_pages(planter: Planter, world: World, client: Client) -> None:
    doors = [door for door in list_doors() if door.kind == "page" and door.method == "GET"]
    for door in sorted(doors, key=lambda door: door.path.startswith(LAST)):
        if door.rights.audience not in (Audience.EVERYBODY, Audience.SIGNED_IN, Audience.CUSTOMERS):
            continue
        if door.path.startswith(LAST):
            client.force_login(world.owner.login)
        url = world.fill(door.path)
        answer = client.get(url)
        if answer.streaming:
            answer.close()
            continue
        for form in list(forms_of(answer)):
            assert client.post(url, planter.fill(form, f"/{door.path}")).status_code < 500, door.path


def plant_dialogs(planter: Planter, console: Console, client: Client) -> None:
    for door in list_doors():
        if door.kind == "admin" and door.method == "GET" and not door.action and "^" not in door.path:
            answer = console.ask(client, door)
            for form in list(forms_of(answer)):
                filled = planter.fill(form, f"/{door.path}".replace("//", "/"))
                assert console.send(client, door, filled).status_code < 500, door.path


def release_holds(person: UUID) -> None:
    """A hold would stop the erasure."""
    state = User().evolve_all(recorded.event for recorded in store.get_event_stream(person))
    for hold in state.holds:
        send(ReleaseLegalHold(person, hold))


def assert_nothing_is_left(planter: Planter, *people: UUID) -> None:
    """Erase people; what is left is a code, or about nobody: then everything that names a person is a finding."""
    catch_up(*projection_registry.select([]))
    assert len(planter.left()) >= 3  # rows show some of them in clear while the person is there
    for person in people:
        release_holds(person)
        assert erase_person(person).step == "done"
    catch_up(*projection_registry.select([]))
    found = {finding.place.removeprefix("table ") for finding in ErasureFinding.objects.all()}
    left = planter.left()
    found |= {"Kafka", ErasureFinding._meta.db_table}  # a finding names the key of its row
    unnamed = {place: where - found for place, where in left.items() if planter.is_about_nobody(place)}
    assert {place: where for place, where in unnamed.items() if where} == {}
    others = {place: where for place, where in left.items() if not planter.is_about_nobody(place)}
    assert not [f"{place}: {where}" for place, where in others.items() if not place.endswith(tuple(CODES))]


@pytest.mark.long
def test_no_text_that_came_in_through_any_door_is_left(planter: Planter) -> None:
    world = World()
    boss_login = world.clerk.login
    boss_login.is_superuser = True
    boss_login.save()
    owner, boss = Client(), Client()
    owner.force_login(world.owner.login)
    boss.force_login(boss_login)
    owner.post("/basket/MUG/", {"quantity": 1})
    events = StoredEvent.objects.count()
    plant_bodies(planter, world, ApiClient(boss_login))
    plant_dialogs(planter, Console(world), boss)
    plant_pages(planter, world, owner)
    doors = {place.rpartition(" ")[0] for place in planter.places.values()}
    assert len(doors) > 40
    assert StoredEvent.objects.count() - events >= 8
    assert_nothing_is_left(planter, world.person)


def test_no_text_of_the_gateway_or_of_a_file_is_left(planter: Planter, tmp_path: Path) -> None:
    customer = shopper(EMAIL)
    assert customer.person is not None
    imported = customer_id("17850")
    assert imported is not None
    send(CreateUser(imported, "bob@example.org", "Bob Marker"))
    sale = Sale(1, (LANTERNS,), customer_id=customer.person)
    send(CreateOrder(sale.order_id, sale.reference, customer.person, sale.lines))
    plant_gateway_messages(planter, sale.order_id, sale.total)
    plant_files(planter, tmp_path)
    assert_nothing_is_left(planter, imported, customer.person)
