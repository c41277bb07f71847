"""One row, or the rows of one stream, are compared with their events and put right."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.core.messages import new_id
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.models import OperatorAction
from eventshop.projections import replays
from eventshop.projections.historical_queries import DryRun
from eventshop.projections.models import Replay
from eventshop.projections.projection import Projection
from eventshop.projections.rebuild import request_rebuild
from eventshop.projections.row_repair import check_rows
from projections.daily_sales import daily_sales
from projections.models import DailySales, OrderSummary
from projections.order_summary import order_summary
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.pages import texts
from tests.support.read_models import append, assert_rows_equal_fold, catch_up, stored_rows
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)


@pytest.fixture
def sold(clean_database: None) -> None:
    for one in (sale, other):
        append(one.order_id, one.created, one.paid)
    catch_up(order_summary, daily_sales)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def check(projection: Projection[Any], **options: Any) -> DryRun:
    return check_rows(projection, DatabaseEventLog(), **options)


def numbers(result: DryRun) -> tuple[int, int, int]:
    return result.added, result.changed, result.removed


@pytest.mark.usefixtures("sold")
def test_a_row_is_compared_and_only_a_repair_changes_it() -> None:
    key = str(sale.order_id)
    before = stored_rows(order_summary)
    assert numbers(check(order_summary, key=key)) == (0, 0, 0)
    OrderSummary.objects.update(reference="tampered")
    result = check(order_summary, key=key)
    assert (numbers(result), result.examples[0].columns["reference"][0]) == ((0, 1, 0), "tampered")
    assert OrderSummary.objects.filter(reference="tampered").count() == 2
    assert numbers(check(order_summary, key=key, repair=True)) == (0, 1, 0)
    assert stored_rows(order_summary)[sale.order_id] == before[sale.order_id]
    assert OrderSummary.objects.get(reference="tampered").pk == other.order_id


@pytest.mark.usefixtures("sold")
def test_a_lost_row_comes_back_and_an_invented_one_goes() -> None:
    row = OrderSummary.objects.get(pk=sale.order_id)
    OrderSummary.objects.filter(pk=sale.order_id).delete()
    assert numbers(check(order_summary, key=str(sale.order_id), repair=True)) == (1, 0, 0)
    assert_rows_equal_fold(order_summary)
    row.pk = invented = new_id()
    row.save(force_insert=True)
    assert numbers(check(order_summary, key=str(invented), repair=True)) == (0, 0, 1)
    assert_rows_equal_fold(order_summary)


@pytest.mark.usefixtures("sold")
def test_the_rows_of_a_stream_are_folded_with_all_who_share_them() -> None:
    DailySales.objects.update(orders=99)
    assert numbers(check(daily_sales, stream=sale.order_id, repair=True)) == (0, 1, 0)
    assert_rows_equal_fold(daily_sales)
    append(sale.order_id, sale.shipped)  # an event that is not folded yet is no difference
    assert numbers(check(order_summary, stream=sale.order_id)) == (0, 0, 0)
    catch_up(order_summary)
    assert_rows_equal_fold(order_summary)


def test_a_dead_letter_is_no_difference(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 2] = fail
    append(sale.order_id, sale.created, sale.paid, sale.shipped)
    catch_up(flaky.projection)
    flaky.repair()
    assert numbers(check(flaky.projection, key=str(sale.order_id))) == (0, 0, 0)
    OrderSummary.objects.update(total=Decimal(1_000_000))
    assert numbers(check(flaky.projection, key=str(sale.order_id), repair=True)) == (0, 1, 0)
    assert OrderSummary.objects.get().status == "CREATED"


@pytest.mark.usefixtures("sold")
def test_nonsense_is_refused_and_a_rebuild_comes_first() -> None:
    for options in ({}, {"key": "1", "stream": sale.order_id}, {"key": "no uuid"}, {"stream": new_id()}):
        with pytest.raises(InvalidMessage):
            check(order_summary, **options)
    request_rebuild("order-summary", requested_by="ada", reason="to see")
    with pytest.raises(ProjectionError, match="being rebuilt"):
        check(order_summary, key=str(sale.order_id), repair=True)
    assert not connection.in_atomic_block


@pytest.mark.usefixtures("sold")
def test_staff_check_a_row_and_repair_it_with_a_reason() -> None:
    OrderSummary.objects.filter(pk=sale.order_id).update(reference="tampered")
    form = reverse("admin:projection_engine_replay_check")
    values = {"projection": "order-summary", "key": str(sale.order_id)}
    assert clerk("view_replay").get(form).status_code == 403
    client = clerk("view_replay", "replay_projection", "view_ordersummary")
    assert "repair" not in client.get(form).content.decode().split("data-testid")[-1]
    page = client.post(form, values).headers["Location"]
    replays.run_replay(Replay.objects.get())
    assert "1 differ" in texts(client.get(page), "differences")[0]
    assert not client.get(page).context["repair_url"]

    client = clerk("view_replay", "replay_projection", "view_ordersummary", "rebuild_projection")
    assert "repair=on" in client.get(page).context["repair_url"]
    assert client.post(form, {**values, "repair": "on"}).context["form"].errors
    page = client.post(form, {**values, "repair": "on", "reason": "it was tampered with"}).headers["Location"]
    replays.run_replay(Replay.objects.latest("pk"))
    assert "1 changed" in texts(client.get(page), "differences")[0]
    assert_rows_equal_fold(order_summary)
    done = OperatorAction.objects.get()
    assert (done.action, done.reason) == ("repair rows", "it was tampered with")
