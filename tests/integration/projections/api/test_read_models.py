"""The API of the read models: permissions per row, pages, filters, and reading one's own writes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from django.apps import apps

from eventshop.eventstore import command_dispatcher
from eventshop.projections.projection import projection_registry
from eventshop.web.api.resource import Resource
from orders.domain.commands import CreateOrder, ReceiveStock
from projections.api import shop as api_shop
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.read_models import append
from tests.support.sales import ADA, Sale
from tests.support.staff import capture_queries, record_sales, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

LISTS = (
    "orders",
    "order-lines",
    "customers",
    "activity",
    "sales/days",
    "sales/products",
    "stock",
    "people",
    "consents",
)
RESOURCES = [value for value in vars(api_shop).values() if isinstance(value, Resource)]
VIEWS = tuple(f"view_{resource.model._meta.model_name}" for resource in RESOURCES)


def staff_program(*permissions: str) -> ApiClient:
    return ApiClient(staff("boss", *(permissions or VIEWS)))


def test_every_read_model_is_listed_for_staff_who_may_see_it() -> None:
    record_sales(Sale(1), Sale(2))
    command_dispatcher.send(ReceiveStock(sku="MUG", quantity=5, reference="D-1"))
    shopper()
    update_read_models()
    program, without_permissions = staff_program(), ApiClient(staff("nobody"))
    for path in LISTS:
        answer = program.get(path)
        assert answer.status_code == 200, (path, answer.content)
        assert answer.json()["results"] or path == "consents", path
        assert problem_of(without_permissions.get(path)) == (403, "not-allowed"), path


def test_a_customer_sees_their_own_and_no_other_rows() -> None:
    mine, other = shopper(), shopper("bob@example.org")
    record_sales(Sale(1, customer_id=mine.person), Sale(2, customer_id=other.person))
    assert [row["reference"] for row in mine.get("orders").json()["results"]] == ["000001"]
    assert mine.get(f"orders/{Sale(1).order_id}").json()["total"] == {"amount": "22.59", "currency": "GBP"}
    assert problem_of(mine.get(f"orders/{Sale(2).order_id}")) == (404, "not-found")
    assert [row["customer_id"] for row in mine.get("customers").json()["results"]] == [str(mine.person)]
    assert [row["email"] for row in mine.get("people").json()["results"]] == ["ada@example.org"]
    assert problem_of(mine.get(f"people/{other.person}")) == (404, "not-found")
    lines = mine.get("order-lines").json()["results"]
    assert {row["order_id"] for row in lines} == {str(Sale(1).order_id)} and len(lines) == 2
    for path in ("activity", "sales/days", "sales/products", "stock"):
        assert problem_of(mine.get(path)) == (403, "not-allowed"), path


def test_a_token_reads_what_it_was_made_for() -> None:
    program = ApiClient(staff("boss", *VIEWS), scopes=["stock:read"])
    assert program.get("stock").status_code == 200
    for path in set(LISTS) - {"stock"}:
        assert problem_of(program.get(path)) == (403, "out-of-scope"), path


def test_staff_see_people_and_parcels_masked() -> None:
    owner = shopper()
    command_dispatcher.send(CreateOrder(ADA, "1", owner.person, Sale(1).lines, delivery_name="Ada Marker"))
    update_read_models()
    [person] = staff_program().get("people").json()["results"]
    assert (person["person_id"], person["email"], person["name"]) == (str(owner.person), None, None)
    assert staff_program().get(f"orders/{ADA}").json()["delivery_name"] is None
    assert owner.get(f"orders/{ADA}").json()["delivery_name"] == "Ada Marker"


def test_pages_follow_each_other_while_rows_come_in_between() -> None:
    record_sales(*(Sale(number) for number in range(1, 8)))
    program = staff_program()
    for ordering in ("created_at", "-created_at", "total", "-total"):
        references: list[str] = []
        answer = program.get(f"orders?limit=3&ordering={ordering}&fields=reference")
        while True:
            references += [row["reference"] for row in answer.json()["results"]]
            next_url = answer.json()["next"]
            if next_url is None:
                break
            assert answer.headers["Link"].startswith(f'<{next_url}>; rel="next"')
            answer = program.get(next_url.partition("/api/v1/")[2])
        assert sorted(references) == [f"{number:06}" for number in range(1, 8)], ordering
        assert len(set(answer.json()["results"][0])) == 1  # the fields that were asked for


def test_filters_and_times_choose_rows() -> None:
    record_sales(Sale(1), Sale(2, customer_id=None))
    program = staff_program()

    def references(query: str) -> list[str]:
        return sorted(row["reference"] for row in program.get(f"orders?{query}").json()["results"])

    assert references(f"customer_id={ADA}") == ["000001"]
    assert references("status=PAID") == ["000001", "000002"] and references("status=SHIPPED") == []
    assert references("from=2020-01-01T00:00:00Z") == ["000001", "000002"]
    assert references("to=2020-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "limit=201", "ordering=paid_at", "cursor=nonsense", "colour=red", "status=GREEN",
     "from=yesterday", "customer_id=1", "fields=reference,secret", "cursor=WyJ4IiwieSIsInoiXQ",
     "limit=000000001000", "from=0001-01-01T00:00:00%2B23:59", "to=9999-12-31T23:59:59-10:00"],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_named(query: str) -> None:
    answer = staff_program().get(f"orders?{query}")
    assert problem_of(answer) == (400, "invalid-parameter")
    assert [error["parameter"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize(
    ("path", "ordering", "value", "key"),
    [
        ("orders", "total", "1E+999999", str(ADA)),
        ("orders", "created_at", "0001-01-01T00:00:00+10:00", str(ADA)),
        ("orders", "created_at", "2026-01-31T12:00:00+00:00", "\0"),
        ("stock", "sku", "\0", "TEA-1"),
        ("stock", "on_hand", "1", "\0"),
    ],
)
def test_a_cursor_that_no_row_can_have_made_is_refused(path: str, ordering: str, value: str, key: str) -> None:
    cursor = urlsafe_b64encode(json.dumps([ordering, value, key]).encode()).decode().rstrip("=")
    answer = staff_program().get(f"{path}?ordering={ordering}&cursor={cursor}")
    assert problem_of(answer) == (400, "invalid-parameter")


def test_what_has_not_changed_is_not_sent_again() -> None:
    record_sales(Sale(1))
    program, path = staff_program(), f"orders/{Sale(1).order_id}"
    answer = program.get(path)
    assert answer.headers["ETag"] == '"2"'
    again = program.get(path, if_none_match='"2"')
    assert (again.status_code, again.content) == (304, b"")
    assert program.get(path, if_none_match='"1"').status_code == 200
    listed = program.get("orders")
    assert program.get("orders", if_none_match=listed.headers["ETag"]).status_code == 304


ORDER = f"orders/{Sale(1).order_id}"


@pytest.mark.parametrize(
    "path", ["sales/days?limit=5", "sales/products", ORDER, "stock", "order-lines", "activity", "products"]
)
def test_a_304_asks_no_read_model_and_comes_until_a_checkpoint_moves(path: str) -> None:
    record_sales(Sale(1))
    program = staff_program()
    tag = program.get(path).headers["ETag"]
    answers: list[Any] = []
    asked = capture_queries(lambda: answers.append(program.get(path, if_none_match=tag)))
    assert (answers[0].status_code, answers[0].headers["ETag"], answers[0].content) == (304, tag, b"")
    tables = [model._meta.db_table for model in apps.get_app_config("projections").get_models()]
    assert not [sql for sql in asked if any(f'FROM "{table}"' in sql for table in tables)], asked
    append(Sale(1).order_id, Sale(1).shipped)
    update_read_models()
    assert program.get(path, if_none_match=tag).status_code == 200


def test_an_entity_tag_is_the_callers_alone_and_refuses_first() -> None:
    record_sales(Sale(1))
    tag = staff_program().get("customers").headers["ETag"]
    assert ApiClient(staff("other", *VIEWS)).get("customers", if_none_match=tag).status_code == 200
    assert ApiClient(staff("stranger")).get("customers", if_none_match=tag).status_code == 403


def test_who_brings_the_token_of_a_command_waits_for_its_effect_or_is_told() -> None:
    program = shopper()
    receipt = command_dispatcher.send(CreateOrder(ADA, "1", program.person, Sale(1).lines))
    token: dict[str, Any] = {"consistency_token": f"{ADA.hex}-{receipt.position}", "prefer": "wait=0"}
    behind = program.get(f"orders/{ADA}", **token)
    assert problem_of(behind) == (503, "behind") and behind.headers["Retry-After"] == "1"
    assert program.get("orders", **token).headers["Consistency"] == "behind"
    strict = token | {"prefer": "wait=0, handling=strict"}
    assert problem_of(program.get("orders", **strict)) == (503, "behind")
    update_read_models()
    assert program.get(f"orders/{ADA}", **token).status_code == 200
    answer = program.get("orders", **strict)
    assert (answer.headers["Consistency"], len(answer.json()["results"])) == ("current", 1)
    assert problem_of(program.get("orders", consistency_token="mine")) == (400, "invalid-header")


def test_each_resource_waits_for_a_projection_that_there_is() -> None:
    names = {projection.name for projection in projection_registry.select([])}
    assert {resource.projection for resource in RESOURCES} <= names


def test_lines_are_of_the_time_of_their_order() -> None:
    record_sales(Sale(1))
    program = staff_program()
    [order] = program.get("orders").json()["results"]
    at = order["created_at"]
    assert len(program.get(f"order-lines?from={at}").json()["results"]) == 2
    assert program.get(f"order-lines?to={at}").json()["results"] == []
    assert len(program.get("order-lines?quantity_min=1&quantity_max=1000").json()["results"]) == 2
    for wrong in ("from=yesterday", "from=", "order_id=", "colour=red", "ordering=", "quantity_min=0.5"):
        assert problem_of(program.get(f"order-lines?{wrong}")) == (400, "invalid-parameter"), wrong


def test_a_filter_that_is_true_or_false_is_nothing_else() -> None:
    shopper()
    update_read_models()
    program = staff_program()
    assert [len(program.get(f"people?restricted={value}").json()["results"]) for value in ("true", "false")] == [0, 1]
    for wrong in ("null", "unknown", "1", "True"):
        assert problem_of(program.get(f"people?restricted={wrong}")) == (400, "invalid-parameter"), wrong


def test_what_is_known_already_is_not_told_again() -> None:
    record_sales(Sale(1))
    program = ApiClient(staff("auditor", *VIEWS, "view_storedevent", "view_webhookendpoint"))
    for path in (
        "",
        "orders",
        f"orders/{Sale(1).order_id}",
        "events",
        f"streams/{Sale(1).order_id}/events",
        "webhooks",
    ):
        first = program.get(path)
        again = program.get(path, if_none_match=first.headers["ETag"])
        assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path
        assert program.get(path, if_none_match='"other"').status_code == 200, path
