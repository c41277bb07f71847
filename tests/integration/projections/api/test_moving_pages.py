"""A list sorted by a column that moves: no row is missed by a client that reads page after page."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import models
from django.urls import URLPattern

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.projections.models import Checkpoint
from eventshop.projections.read_model import ReadModel
from eventshop.web.api.resource_views import RowListView
from orders.domain.commands import ReceiveStock, ReserveInventory
from projections.api.urls import urlpatterns
from projections.models import OrderSummary, StockLevel
from tests.support.api_clients import ApiClient, problem_of, staff
from tests.support.read_models import append
from tests.support.sales import Sale, gbp
from tests.support.staff import record_sales, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

ROWS, LIMIT = 7, 2
MOMENT = datetime(2026, 1, 30, 12, tzinfo=UTC)


def list_views() -> dict[str, type[RowListView]]:
    """Every list of read models, by its path."""
    views = {str(url.pattern): _view_class(url) for url in urlpatterns}
    return {path: view for path, view in views.items() if issubclass(view, RowListView)}


def _view_class(url: URLPattern) -> type[Any]:
    view: type[Any] = url.callback.view_class  # type: ignore[attr-defined]
    return view


MOVING = [
    (path, f"{sign}{column}")
    for path, view in list_views().items()
    for column in view.resource.moving
    for sign in ("", "-")
]


def program() -> ApiClient:
    names = {view.resource.model._meta.model_name for view in list_views().values()}
    return ApiClient(staff("boss", *(f"view_{name}" for name in names)))


def read_pages(client: ApiClient, path: str, between: Callable[[int], object]) -> Iterator[list[dict[str, Any]]]:
    """The pages of a list; `between` is called with the number of each page that follows."""
    number, cursor = 1, ""
    while True:
        page = client.get(f"{path}&limit={LIMIT}{cursor}").json()
        yield page["results"]
        if page["next_cursor"] is None:
            return
        number += 1
        cursor = f"&cursor={page['next_cursor']}"
        between(number)


def test_there_are_lists_whose_rows_move() -> None:
    assert len(MOVING) >= 26


@pytest.mark.parametrize(("path", "ordering"), MOVING)
def test_a_row_that_moves_to_the_pages_already_read_comes_at_the_end(path: str, ordering: str) -> None:
    view, column = list_views()[path], ordering.lstrip("-")
    model, key = view.resource.model, view.resource.name_of(view.resource.model._meta.pk.name)
    places = range(ROWS) if ordering == column else range(ROWS, 0, -1)
    rows = [_store_row(model, number, {column: _value(model, column, place)}) for number, place in enumerate(places)]
    checkpoint = Checkpoint.objects.create(projection=view.resource.projection, partition=0, position=ROWS)

    def move_last_row(page_number: int) -> None:
        """As the projection engine does: the row, its lineage and the checkpoint."""
        moved = rows[-page_number]
        checkpoint.position += 1
        setattr(moved, column, _value(model, column, -page_number if ordering == column else ROWS + page_number))
        moved.last_offset = checkpoint.position
        moved.save()
        checkpoint.save()

    pages = list(read_pages(program(), f"{path}?ordering={ordering}", move_last_row))
    assert {row[key] for page in pages for row in page} == {str(row.pk) for row in rows}
    assert all(len(page) <= LIMIT for page in pages)


def _value(model: type[ReadModel], column: str, place: int) -> object:
    kind = model._meta.get_field(column)
    return MOMENT + timedelta(days=place) if isinstance(kind, models.DateTimeField) else 100 + place


def _store_row(model: type[ReadModel], number: int, columns: dict[str, object]) -> Any:
    """A row with a value in each column that has no default."""
    values = {
        field.attname: _any_value(field, number)
        for field in model._meta.concrete_fields
        if not field.has_default() and not field.null
    }
    return model._default_manager.create(**values | {"last_partition": 0, "last_offset": number} | columns)


def _any_value(field: models.Field[Any, Any], number: int) -> object:
    match field:
        case models.UUIDField():
            return new_id()
        case models.DateTimeField():
            return MOMENT
        case models.DateField():
            return MOMENT.date() + timedelta(days=number)
        case models.DecimalField():
            return Decimal(number)
        case models.IntegerField():
            return number
        case _:
            return f"{number}"


def test_orders_by_their_last_change() -> None:
    sales = [Sale(number) for number in range(1, 5)]
    record_sales(*sales)

    def ship_oldest(page_number: int) -> None:
        append(sales[0].order_id, sales[0].shipped)
        update_read_models()

    first, second = read_pages(program(), "orders?ordering=-updated_at", ship_oldest)
    assert [row["reference"] for row in first] == ["000004", "000003"]
    assert [(row["reference"], row["status"]) for row in second] == [("000002", "PAID"), ("000001", "SHIPPED")]


def test_customers_by_a_value_that_falls() -> None:
    sales = [Sale(number, customer_id=UUID(int=number, version=4)) for number in range(1, 5)]
    record_sales(*sales)

    def refund_last(page_number: int) -> None:
        if page_number == 2:
            append(sales[3].order_id, sales[3].refunded(gbp("20.00")))
            update_read_models()

    pages = list(read_pages(program(), "customers?ordering=lifetime_value", refund_last))
    assert [len(page) for page in pages] == [2, 2]
    assert {row["customer_id"] for page in pages for row in page} == {str(sale.customer_id) for sale in sales}


def test_stock_by_pieces_on_hand() -> None:
    for number in range(1, 5):
        command_dispatcher.send(ReceiveStock(f"MUG-{number}", 10 * number, "D-1"))
    update_read_models()

    def reserve_most(page_number: int) -> None:
        if page_number == 2:
            command_dispatcher.send(ReserveInventory("MUG-4", new_id(), 39))
            update_read_models()

    pages = list(read_pages(program(), "stock?ordering=on_hand", reserve_most))
    assert [row["sku"] for page in pages for row in page] == ["MUG-1", "MUG-2", "MUG-3", "MUG-4"]
    assert StockLevel.objects.order_by("on_hand").values_list("sku", flat=True)[0] == "MUG-4"


def test_an_unchanged_list_ends_with_its_last_row() -> None:
    record_sales(*(Sale(number) for number in range(1, 5)))
    pages = list(read_pages(program(), "orders?ordering=-updated_at", lambda page_number: None))
    assert [[row["reference"] for row in page] for page in pages] == [["000004", "000003"], ["000002", "000001"]]


def test_a_row_that_a_rebuild_moves_to_the_front_comes_at_the_end() -> None:
    sales = [Sale(number) for number in range(1, 6)]
    record_sales(*sales)

    def move(page_number: int) -> None:
        OrderSummary.objects.filter(pk=sales[0].order_id).update(updated_at=MOMENT + timedelta(days=9_000))

    pages = list(read_pages(program(), "orders?ordering=-updated_at", move))
    assert {row["reference"] for page in pages for row in page} == {sale.reference for sale in sales}


def test_a_cursor_with_another_first_value_is_refused_and_not_an_error() -> None:
    record_sales(*(Sale(number) for number in range(1, 5)))
    client = program()
    cursor = client.get("orders?ordering=-updated_at&limit=3").json()["next_cursor"]
    fields = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for forged in ("yesterday", "\0"):
        raw = json.dumps([*fields[:3], forged, *fields[4:]]).encode()
        text = urlsafe_b64encode(raw).decode().rstrip("=")
        assert problem_of(client.get(f"orders?ordering=-updated_at&cursor={text}")) == (400, "invalid-parameter")
