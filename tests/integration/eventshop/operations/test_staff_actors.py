"""Staff have an actor of their own, the same through every door, whatever becomes of their user name or account."""

from __future__ import annotations

import getpass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User as Login
from django.urls import reverse

from eventshop.admin_console.display_names import actor_name
from eventshop.core.messages import new_id
from eventshop.eventstore.event_store import store
from eventshop.operations import staff_actors
from eventshop.operations.models import StaffActor
from eventshop.operations.staff_actors import actors_named, command_line_actor, staff_actor
from eventshop.web.api import api_tokens
from tests.support.api_clients import ApiClient, staff, token_of
from tests.support.sales import Sale
from tests.support.staff import capture_queries, record_sales, sign_in
from users.application import accounts

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)
RIGHTS = ("view_ordersummary", "ship_order", "deliver_order")


def ship_by_admin(login: Login) -> Any:
    form = {"carrier": "Royal Mail", "tracking": "RM1", "command_id": str(new_id())}
    return sign_in(login).post(reverse("admin:projections_ordersummary_ship", args=(sale.order_id,)), form)


def test_the_admin_and_a_token_record_the_same_actor_even_of_staff_who_are_customers() -> None:
    grace = staff("grace", *RIGHTS)
    person = accounts.join(grace, form_id=new_id(), email="grace@example.org", name="Grace")
    record_sales(sale)
    ship_by_admin(grace)
    answer = ApiClient(grace).post(f"orders/{sale.order_id}/delivery", {"received_by": "Bob"}, if_match='"3"')
    assert answer.status_code < 300, answer.content
    actors = [recorded.meta.actor for recorded in store.get_events(sale.order_id)][-2:]
    assert actors == [staff_actor(grace)] * 2
    assert str(person) not in actors[0] and "grace" not in actors[0]


def test_the_command_line_records_the_login_named_as_the_operating_systems_user() -> None:
    assert command_line_actor() == f"os:{getpass.getuser()}"
    operator = staff(getpass.getuser())
    assert command_line_actor() == staff_actor(operator)


def test_closing_the_account_of_a_customer_leaves_the_actor() -> None:
    grace = staff("grace")
    actor = staff_actor(grace)
    person = accounts.join(grace, form_id=new_id(), email="grace@example.org", name="Grace")
    accounts.close(person)
    assert staff_actor(Login.objects.get(pk=grace.pk)) == actor


def test_a_renamed_member_of_staff_keeps_the_actor_and_is_found_by_both_names() -> None:
    grace = staff("grace")
    actor = staff_actor(grace)
    assert actor_name(actor) == "grace"
    grace.username = "hopper"
    grace.save()
    staff_actors._names.clear()  # it is refreshed after some seconds
    assert staff_actor(Login.objects.get(pk=grace.pk)) == actor
    assert actor_name(actor) == "hopper"
    assert actors_named("grace") == [actor, "grace"]
    assert actors_named("hopper") == [actor, "hopper"]


def test_a_deleted_login_leaves_actor_and_name() -> None:
    grace = staff("grace")
    actor = staff_actor(grace)
    grace.delete()
    assert actor_name(actor) == "grace"
    assert StaffActor.objects.get().login is None


@pytest.mark.parametrize("text", ["grace", "order-fulfilment", "staff:nobody", f"staff:{UUID(int=1)}"])
def test_other_texts_such_as_those_of_old_events_are_shown_as_they_are(text: str) -> None:
    assert actor_name(text) == text


def test_the_actor_of_a_token_costs_no_statement() -> None:
    record = api_tokens.find_token(token_of(staff("robot")))
    assert record is not None
    expected = staff_actor(Login.objects.get(username="robot"))
    assert capture_queries(lambda: staff_actor(record.owner)) == []
    assert staff_actor(record.owner) == expected


def test_a_login_that_becomes_staff_gets_an_actor_and_a_customer_gets_none() -> None:
    login = Login.objects.create_user(str(uuid4()), password="correct horse battery")
    assert not StaffActor.objects.exists()
    login.is_staff = True
    login.save()
    assert StaffActor.objects.get().login == login
