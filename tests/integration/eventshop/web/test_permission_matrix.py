"""The permission matrix: every URL is asked by everybody, and lets in whom its declaration names, and nobody else.

A short run asks with all permissions but one that is needed, and with exactly those that are needed; a long one also
with each permission and each scope alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, Final

import pytest
from django.contrib.auth.models import User as Login
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.operations.rights import Audience
from eventshop.web import permission_matrix
from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken
from eventshop.web.permission_matrix import NEVER, Door
from tests.support.api_clients import ApiClient, problem_of, staff, token_of
from tests.support.doors import DOCUMENT, SALE, Call, Console, World
from tests.support.permission_callers import insufficient, opens, sufficient

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about rights; the pages have tests of their own on both
]

REFUSED: Final = {(403, "not-allowed"), (404, "not-found")}
#: Who gets in without a permission.
GENERAL: Final = (Audience.EVERYBODY, Audience.LINK, Audience.SIGNED_IN, Audience.SIGNATURE)


@cache
def list_doors() -> list[Door]:
    return permission_matrix.list_doors()


@pytest.fixture
def world() -> Iterator[World]:
    with override_settings(API_RATE="100000/m", TEST_CLOCKS=True):
        yield World()


def api_doors() -> list[Door]:
    """Deletions come last."""
    return sorted((door for door in list_doors() if door.kind == "api"), key=lambda door: door.method == "DELETE")


def is_let_in(answer: Any) -> bool:
    """Whether the caller passed authorisation; a domain rule may still refuse the request."""
    assert answer.status_code < 500, answer.content
    return answer.status_code not in (401, 403, 404)


def test_the_document_is_what_the_program_declares() -> None:
    assert permission_matrix.FILE.read_text() == permission_matrix.render_markdown(), (
        "run manage.py export_permissions, and read what has changed"
    )
    doors = list_doors()
    assert len(doors) > 500
    described = {(method, url) for url, operations in DOCUMENT["paths"].items() for method in operations}
    assert described == {
        (door.method.lower(), "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", door.path)) for door in api_doors()
    }
    assert {scope for door in doors for scope in door.scope.split()} == set(SCOPES)


def test_a_url_without_a_declaration_is_refused() -> None:
    entry = path("new/page/", lambda request: HttpResponse())
    with pytest.raises(permission_matrix.UndeclaredRights):
        list(permission_matrix._doors_of(str(entry.pattern), entry.callback))


def test_the_api_lets_in_without_a_permission_whom_it_declares(world: World) -> None:
    expired, revoked = token_of(world.owner.login, lifetime=timedelta(seconds=-1)), token_of(world.owner.login)
    ApiToken.objects.filter(begins=revoked[:12]).update(revoked_at=timezone.now())
    world.clerk.give(())
    nobody, superuser = ApiClient(world.clerk.login), staff("superuser")
    superuser.is_superuser = True
    superuser.save()
    without = {scope: ApiClient(superuser, scopes=set(SCOPES) - {scope}) for scope in SCOPES}
    events = StoredEvent.objects.count()
    for door in api_doors():
        call, audience = Call(door, world), door.rights.audience
        if audience is Audience.LINK:
            assert is_let_in(call.send_anonymously()), door
            call.path = call.path[:-8]
            assert problem_of(call.send_anonymously()) == (404, "not-found"), door
            continue
        assert problem_of(call.send_anonymously()) == (401, "not-signed-in"), door
        for token in (expired, revoked):
            assert problem_of(call.send_anonymously(authorization=f"Bearer {token}")) == (401, "invalid-token"), door
        for scope in door.scope.split():
            assert problem_of(call.send_as(without[scope])) == (403, "out-of-scope"), door
        if audience is Audience.SIGNED_IN:
            assert is_let_in(call.send_as(nobody)), door
            continue
        assert problem_of(call.send_as(nobody)) in REFUSED, door
        if audience is not Audience.CUSTOMERS:
            assert problem_of(call.send_as(world.other)) in REFUSED, door
        if audience is Audience.NOBODY:
            assert problem_of(call.send_as(world.owner)) in REFUSED, door
    assert StoredEvent.objects.count() == events
    for door in api_doors():
        call, audience = Call(door, world), door.rights.audience
        if audience in (Audience.OWNER, Audience.CUSTOMERS):
            assert is_let_in(call.send_as(ApiClient(world.owner.login, scopes=door.scope.split()))), door
        if audience is Audience.CUSTOMERS:
            answer = call.send_as(world.other)
            text = answer.content.decode()
            assert is_let_in(answer) and str(world.person) not in text and "ada@" not in text, door


def test_the_api_lets_staff_in_with_what_it_declares_and_not_with_less(world: World) -> None:
    clerk = world.clerk
    everything = ApiClient(clerk.login)
    events = StoredEvent.objects.count()
    for door in api_doors():
        if door.rights.audience not in GENERAL:
            for permissions in insufficient(door.rights, clerk.known):
                clerk.give(permissions)
                assert problem_of(Call(door, world).send_as(everything)) in REFUSED, (door, permissions)
    assert StoredEvent.objects.count() == events
    for door in api_doors():
        for chosen in sufficient(door.rights):
            clerk.give(chosen)
            scopes = door.scope.split() or list(SCOPES)
            assert is_let_in(Call(door, world).send_as(ApiClient(clerk.login, scopes=scopes))), (door, chosen)


def page_doors() -> list[Door]:
    return [door for door in list_doors() if door.kind == "page"]


def test_pages_are_open_to_those_whom_they_declare(world: World) -> None:
    owner, other, clerk = Client(), Client(), Client()
    for client, login in ((owner, world.owner.login), (other, world.other.login), (clerk, world.clerk.login)):
        client.force_login(login)
    world.clerk.give(world.clerk.known)
    events = StoredEvent.objects.count()
    for door in page_doors():
        url, audience = world.fill(door.path), door.rights.audience
        for method in ("get", "post", "put", "patch", "delete"):
            answer = getattr(Client(), method)(url, headers={"accept": "text/html"})
            assert answer.status_code < 500 or door.path == "readyz", (door, method)
            if answer.streaming:
                answer.close()
                continue
            is_form = door.path.endswith(("data.json", "stay/", "choice/", "end/")) and method == "get"
            if audience in (Audience.SIGNED_IN, Audience.CUSTOMERS, Audience.OWNER):
                led_to_sign_in = answer.headers.get("Location", "").startswith("/account/sign-in/")
                assert led_to_sign_in or answer.status_code in (403, 405) or is_form, (door, method)
            if audience is Audience.SIGNATURE:
                assert answer.status_code in (404, 405), (door, method)  # no gateway is set up
            if audience is Audience.CUSTOMERS:
                shown = getattr(clerk, method)(url)
                assert shown.status_code == 405 or shown.headers.get("Location") or is_form, (door, method)
                assert shown.headers.get("Location", "/account/join/").partition("?")[0] in (
                    "/account/join/",
                    *FORMS,
                ), (door, method)
            if "<uuid:" in door.path:
                assert getattr(other, method)(url).status_code in (404, 405), (door, method)
            elif audience is Audience.CUSTOMERS and method == "get":
                text = other.get(url).content.decode()
                assert not any(word in text for word in ("ada@", str(world.person), str(SALE.order_id))), door
            if audience is Audience.EVERYBODY and method == "get":
                assert "ada@" not in answer.content.decode() and str(SALE.order_id) not in answer.content.decode(), door
    assert StoredEvent.objects.count() == events
    for door in page_doors():
        if door.method == "GET" and door.rights.audience in (Audience.CUSTOMERS, Audience.OWNER):
            answer = owner.get(world.fill(door.path), headers={"accept": "text/html"})
            assert answer.status_code not in (401, 403), door
            assert not answer.headers.get("Location", "").startswith("/account/"), door


#: Where pages lead that only take a form.
FORMS: Final = ("/my/data/", "/my/consents/", "/my/")


#: What else a page needs because of the row that is asked for: the results of a replay are rows of a read model.
ALSO: Final = {"admin/projection_engine/replay/<int:pk>/export/": {"projections.view_ordersummary"}}


def is_refused(answer: Any) -> bool:
    """Refused, led to the sign-in, or led to the dashboard because of an object that cannot be seen."""
    return (
        answer.status_code in (403, 404, 405)
        or answer.headers.get("Location", "").startswith(("/admin/login/", "/account/"))
        or answer.headers.get("Location") == "/admin/"
    )


def console_doors() -> list[Door]:
    """Without the actions of lists, which have their own tests, and the pages of an app."""
    doors = [door for door in list_doors() if door.kind == "admin" and not door.action]
    doors.sort(key=lambda door: (door.method == "POST", hasattr(door.view, "allowed_permissions")))
    return [door for door in doors if not door.path.startswith("admin/^")]


def describe(differences: list[tuple[Door, str, Any]]) -> str:
    return "\n".join(f"{door.method} {door.path} {who}: {answer}" for door, who, answer in differences)


def test_the_console_lets_staff_in_with_what_it_declares_and_not_with_less(world: World) -> None:
    console, clerk, differences = Console(world), world.clerk, []
    stranger, customer, client = (Client(raise_request_exception=False) for _ in range(3))
    customer.force_login(world.owner.login)
    client.force_login(clerk.login)
    events = StoredEvent.objects.count()
    for door in console_doors():
        if door.rights.audience is Audience.EVERYBODY:
            continue
        for who in (stranger, customer) if door.method == "GET" else ():
            answer = console.ask(who, door)
            if not answer.headers.get("Location", "").startswith("/admin/login/") and door.path != "admin/logout/":
                differences.append((door, "as a stranger or customer", answer))
        for permissions in insufficient(door.rights, clerk.known) if door.rights.audience is Audience.NOBODY else ():
            clerk.give(permissions)
            if not is_refused(answer := console.ask(client, door)):
                differences.append((door, f"without {clerk.known - permissions}", answer))
    assert StoredEvent.objects.count() == events
    for door in console_doors():
        for chosen in sufficient(door.rights) if NEVER not in door.rights.staff else ():
            clerk.give(chosen | ALSO.get(door.path, set()))
            answer = console.ask(client, door)
            if answer.status_code >= 500 or is_refused(answer):
                differences.append((door, f"with {chosen}", answer))
    assert not differences, describe(differences)


@pytest.mark.long
def test_each_permission_alone_opens_in_the_console_what_it_should(world: World) -> None:
    """The views are asked without the middleware, which knows no permission: 135,000 requests."""
    console, clerk, differences = Console(world), world.clerk, []
    doors = [door for door in console_doors() if door.rights.audience is Audience.NOBODY and door.path not in ALSO]
    for permission in ["", *sorted(clerk.known)]:
        clerk.give({permission})
        login = Login.objects.get(pk=clerk.login.pk)
        for door in doors:
            if is_refused(answer := console.ask_view(login, door)) is opens(door.rights, permission):
                differences.append((door, f"with {permission}", answer))
    assert not differences, describe(differences)


@pytest.mark.long
def test_each_permission_and_each_scope_alone_opens_in_the_api_what_it_should(world: World) -> None:
    clerk = world.clerk
    programs = {scope: ApiClient(clerk.login, scopes=[scope]) for scope in SCOPES}
    everything = ApiClient(clerk.login)
    doors = [door for door in api_doors() if door.rights.audience not in GENERAL]
    for permission in ["", *sorted(clerk.known)]:
        clerk.give({permission})
        for door in doors:
            answer = Call(door, world).send_as(everything)
            assert is_let_in(answer) is opens(door.rights, permission), (door, permission, answer)
    clerk.give(clerk.known)
    for scope, program in programs.items():
        for door in doors:
            answer = Call(door, world).send_as(program)
            is_outside = answer.status_code == 403 and answer.json()["code"] == "out-of-scope"
            assert is_outside is bool(set(door.scope.split()) - {scope}) or not door.scope, (door, scope, answer)
