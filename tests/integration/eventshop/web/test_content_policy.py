"""The content policy of every URL: scripts only from the program's own files, evaluated texts below /admin/ only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from eventshop.web.permission_matrix import Door, list_doors
from tests.support.doors import Console, World

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def world() -> Iterator[World]:
    with override_settings(API_RATE="100000/m"):
        yield World()


def script_sources(answer: Any) -> set[str]:
    """From where the browser takes scripts of this answer."""
    policy = {name: set(values) for name, *values in map(str.split, answer["Content-Security-Policy"].split(";"))}
    return policy.get("script-src", policy["default-src"])


def readable_doors(*kinds: str) -> list[Door]:
    doors = [door for door in list_doors() if door.kind in kinds and door.method == "GET"]
    assert len(doors) > 20
    return doors


def signed_in(login: Any) -> Client:
    client = Client()
    client.force_login(login)
    return client


def superuser_of(world: World) -> Client:
    login = world.clerk.login
    login.is_superuser = True
    login.save()
    return signed_in(login)


@pytest.mark.long
def test_no_answer_outside_the_admin_allows_evaluated_or_inline_scripts(world: World) -> None:
    customer, other = signed_in(world.owner.login), {}
    for door in readable_doors("page", "api"):
        url = world.fill(door.path)
        for client in (Client(), customer if "sign-out" not in url else Client()):
            answer = client.get(url)
            assert answer.status_code < 500, url
            if script_sources(answer) != {"'self'"}:
                other[door.path] = script_sources(answer)
            answer.close()
    assert other == {}


def test_no_answer_of_a_refused_or_unknown_url_allows_them() -> None:
    nobody = Client()
    for answer in (
        *(nobody.get("/nothing/here/"), nobody.post("/account/sign-in/"), nobody.get("/account/sign-in/")),
        *(nobody.get("/api/v1/orders"), nobody.post("/api/v1/orders"), nobody.get("/api/v1/nothing")),
    ):
        assert script_sources(answer) == {"'self'"}, answer


@pytest.mark.long
def test_every_page_of_the_admin_takes_scripts_from_the_programs_files_only(world: World) -> None:
    boss, console = superuser_of(world), Console(world)
    other = {}
    for door in readable_doors("admin"):
        if "^" in door.path or "logout" in door.path:
            continue
        for client in (Client(), boss):
            answer = console.ask(client, door)
            assert answer.status_code < 500, door
            if script_sources(answer) != {"'self'", "'unsafe-eval'"}:
                other[door.path] = script_sources(answer)
            answer.close()
    assert other == {}
