"""After an erasure no text is left that came in through any form of a page, dialog of the console or request body.

The doors come from the permission matrix, the fields from the forms and examples that they have: each text gets a
marker. Whether a door accepts it does not matter; a refused text must not stay either.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django import forms
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.rights import Audience
from eventshop.projections.projection import projection_registry
from eventshop.web.permission_matrix import Door, list_doors
from tests.support.api_clients import ApiClient
from tests.support.customers import PASSWORD
from tests.support.database import dump_database
from tests.support.doors import Call, Console, World
from tests.support.erasures import erase_person
from tests.support.read_models import catch_up

pytestmark = pytest.mark.usefixtures("clean_database")

MARK: Final = "zzdoor"
#: They end the session or the account before all doors were tried, or ask for what only a browser has.
LEFT_OUT: Final = (
    *("account/sign-out/", "account/password/", "account/second-factor/", "account/reset/", "my/erasure/"),
    # A legal hold stops the erasure; its texts are planted in `test_planted_texts.py`.
    *("api/v1/people/<uuid:user_id>/holds", "admin/projections/userprofile/<path:object_id>/hold/"),
)
#: Texts about no customer, by the beginning of their URL: they stay, whoever is erased.
NOT_ABOUT_PEOPLE: Final = {
    "admin/auth/": "names of staff and of their groups",
    "admin/orders/product/": "the price list",
    "admin/web/": "addresses of webhooks",
    "admin/users/newsletter/": "what the newsletter says",
    "admin/projection_engine/": "why staff rebuilt, paused or skipped something",
    "admin/process/": "why staff retried a process",
    "api/v1/accounts": "the name of a trading desk",
    "api/v1/webhooks": "addresses of webhooks",
    "api/v1/stock": "delivery notes and reasons of the warehouse",
}
#: Fields of codes, which are declared as no personal texts.
CODES: Final = {"fills venue_trade_id": "the number of a trade at its venue"}


@pytest.fixture(autouse=True)
def surroundings(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    settings.API_RATE = "100000/m"


def is_planted(door: Door) -> bool:
    return not door.path.startswith((*LEFT_OUT, *NOT_ABOUT_PEOPLE)) and not door.action


class Planter:
    """Markers, each with the door that it went in through."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def marker(self, place: str) -> str:
        marker = f"{MARK}{len(self.places):04d}"
        self.places[marker] = place
        return marker

    def left(self) -> list[str]:
        dump = dump_database().lower()
        return [f"{marker}: {place}" for marker, place in self.places.items() if marker in dump]

    def fill(self, form: forms.BaseForm, place: str) -> dict[str, Any]:
        """Valid values for every field of a form; each text is a marker."""
        return {
            form.add_prefix(name): self._value(form, name, field, f"{place} {name}")
            for name, field in form.fields.items()
        }

    def _value(self, form: forms.BaseForm, name: str, field: forms.Field, place: str) -> Any:
        initial = form.get_initial_for_field(field, name)
        match field:
            case forms.ChoiceField():
                values = [value for value, _ in field.choices if value]  # type: ignore[misc, union-attr]
                return values[:1] if isinstance(field, forms.MultipleChoiceField) else (values or [""])[0]
            case forms.EmailField():
                return f"{self.marker(place)}@example.org"
            case forms.UUIDField():
                return str(initial or new_id())
            case forms.DateTimeField() | forms.DateField():
                return str(initial or datetime.now().date())
            case forms.DecimalField() | forms.IntegerField():
                return initial or 1
            case forms.BooleanField():
                return "on"
            case forms.CharField() if isinstance(field.widget, forms.PasswordInput):
                return PASSWORD
            case forms.CharField():
                return self.marker(place)
        return initial or ""


def forms_of(response: Any) -> Iterator[forms.BaseForm]:
    """The forms that a page was rendered with."""
    seen = set()
    for context in response.context or ():
        for value in context.flatten().values() if hasattr(context, "flatten") else ():
            form = getattr(value, "form", value)
            if isinstance(form, forms.BaseForm) and id(form) not in seen:
                seen.add(id(form))
                yield form


def plant_bodies(planter: Planter, world: World, boss: ApiClient) -> None:
    for door in list_doors():
        if door.kind == "api" and door.method in ("POST", "PUT") and is_planted(door) and "erasure" not in door.path:
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


def plant_json(planter: Planter, value: Any, place: str, *, refused: set[str], pointer: str = "") -> Any:
    match value:
        case dict():
            return {
                name: plant_json(planter, part, f"{place} {name}", refused=refused, pointer=f"{pointer}/{name}")
                for name, part in value.items()
            }
        case list():
            return [
                plant_json(planter, part, place, refused=refused, pointer=f"{pointer}/{index}")
                for index, part in enumerate(value)
            ]
        case str() if pointer not in refused:
            return planter.marker(place)
    return value


def plant_pages(planter: Planter, world: World, client: Client) -> None:
    for door in list_doors():
        if door.kind == "page" and door.method == "GET" and is_planted(door):
            if door.rights.audience not in (Audience.EVERYBODY, Audience.SIGNED_IN, Audience.CUSTOMERS):
                continue
            url = world.fill(door.path)
            answer = client.get(url)
            if answer.streaming:
                answer.close()
                continue
            for form in list(forms_of(answer)):
                assert client.post(url, planter.fill(form, door.path)).status_code < 500, door.path


def plant_dialogs(planter: Planter, console: Console, client: Client) -> None:
    for door in list_doors():
        if door.kind == "admin" and door.method == "GET" and is_planted(door) and "^" not in door.path:
            answer = console.ask(client, door)
            for form in list(forms_of(answer)):
                filled = planter.fill(form, door.path)
                assert console.send(client, door, filled).status_code < 500, door.path


@pytest.mark.long
def test_no_text_that_came_in_through_any_door_is_left() -> None:
    world, planter = World(), Planter()
    boss_login = world.clerk.login
    boss_login.is_superuser = True
    boss_login.save()
    owner, boss = Client(), Client()
    owner.force_login(world.owner.login)
    boss.force_login(boss_login)
    owner.post("/basket/MUG/", {"quantity": 1})
    events = StoredEvent.objects.count()
    plant_pages(planter, world, owner)
    plant_bodies(planter, world, ApiClient(boss_login))
    plant_dialogs(planter, Console(world), boss)
    catch_up(*projection_registry.select([]))
    doors = {place.rpartition(" ")[0] for place in planter.places.values()}
    assert len(doors) > 40
    assert StoredEvent.objects.count() - events >= 8
    assert len(planter.left()) >= 5  # rows show some of them in clear while the person is there
    assert erase_person(world.person).step == "done"
    catch_up(*projection_registry.select([]))
    left = [text for text in planter.left() if not text.endswith(tuple(CODES))]
    assert left == []
