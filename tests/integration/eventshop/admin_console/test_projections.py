"""The lists of read models, the dashboard, and the pages and actions of projections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.projection_lag import ProjectionLag, read_lag
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.history.recorder import record_minute
from eventshop.operations.models import OperatorAction
from eventshop.operations.row_state import read_row_state
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.rebuild import rebuild
from eventshop.runtime import counted_cache
from projections.models import DailySales, OrderSummary
from projections.order_summary import order_summary
from tests.support.failing_projection import Flaky, fail, register_temporarily, retry
from tests.support.pages import find, texts
from tests.support.read_models import append, catch_up
from tests.support.sales import ADA, BOB, LANTERNS, Sale, eur, gbp, line
from tests.support.staff import (
    actor_of,
    boss,
    capture_queries,
    clerk,
    message_levels,
    messages_of,
    order_url,
    record_sales,
    update_read_models,
)

pytestmark = pytest.mark.usefixtures("clean_database")

ORDERS, DEAD_LETTERS = "/admin/projections/ordersummary/", "/admin/projection_engine/deadletter/"
sale, other, foreign = Sale(1), Sale(2, (LANTERNS,), BOB), Sale(3, (line("71053", 1, eur("99.00")),), None)


@pytest.fixture(autouse=True)
def clear_cache() -> None:
    cache.clear()


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def listed_references(client: Client, **asked: Any) -> list[str]:
    page = client.get(ORDERS, asked)
    assert page.status_code == 200
    return [order.reference for order in page.context["cl"].result_list]


def test_orders_are_found_by_number_and_ids() -> None:
    record_sales(sale, other, foreign)
    client = boss()
    assert listed_references(client) == ["000003", "000002", "000001"]
    assert listed_references(client, q="000002") == listed_references(client, q=str(BOB)) == ["000002"]
    assert listed_references(client, q=str(sale.order_id)) == ["000001"]
    assert listed_references(client, q="00000") == ["000003", "000002", "000001"]
    assert listed_references(client, q="'; drop") == listed_references(client, q=str(new_id())) == []


def test_orders_are_narrowed_by_every_filter() -> None:
    record_sales(sale, other, foreign)
    append(other.order_id, other.shipped)
    update_read_models()
    client = boss()
    days = list(map(timezone.localdate, OrderSummary.objects.values_list("created_at", flat=True)))
    assert listed_references(client, status__exact="SHIPPED") == ["000002"]
    assert listed_references(client, kind__exact="credit-note") == []
    assert listed_references(client, currency="EUR") == ["000003"]
    assert len(listed_references(client, country="France")) == 3
    assert listed_references(client, country="Nowhere") == []
    assert listed_references(client, total_from="50") == ["000003"]
    assert listed_references(client, total_from="21", total_to="23") == ["000001"]
    assert len(listed_references(client, created_at_from=min(days), created_at_to=max(days))) == 3
    assert listed_references(client, created_at_to=min(days) - timedelta(days=1)) == []


def test_dates_lead_from_years_to_days_and_back() -> None:
    record_sales(sale)
    client, day = boss(), timezone.localdate(OrderSummary.objects.get().created_at)
    asked = {"created_at__year": day.year, "created_at__month": day.month}
    assert f"created_at__year={day.year}" in client.get(ORDERS).content.decode()
    month = client.get(ORDERS, asked).content.decode()
    assert f"created_at__day={day.day}" in month
    assert "?" in [link.attributes["href"] for link in find(month, "date-link")]  # all dates
    assert listed_references(client, **asked, created_at__day=day.day) == ["000001"]
    assert listed_references(client, created_at__year=day.year - 1) == []
    assert client.get(ORDERS, {"created_at__year": "0", "created_at__month": "77"}).status_code == 302


def test_lists_of_read_models_ask_the_same_however_many_rows_there_are() -> None:
    client = boss()
    lists = [
        reverse(f"admin:projections_{name}_changelist")
        for name in ("ordersummary", "orderline", "customersummary", "dailysales", "productsales", "activitytimeline")
    ]
    record_sales(Sale(1), Sale(2))
    for address in lists:
        client.get(address)
    few = [len(capture_queries(lambda address=address: client.get(address))) for address in lists]  # type: ignore[misc]
    record_sales(*(Sale(number, (LANTERNS, line(f"S{number}", 1, gbp("1")))) for number in range(3, 40)))
    cache.clear()
    for address in lists:
        client.get(address)
    assert [len(capture_queries(lambda address=address: client.get(address))) for address in lists] == few  # type: ignore[misc]


class AtMostTwo(BoundedPaginator):
    max_counted = 2


def test_a_long_list_is_counted_only_up_to_a_limit() -> None:
    record_sales(sale, other)
    pages = AtMostTwo(OrderSummary.objects.order_by("reference"), 50)
    assert (pages.count, pages.has_uncounted_rows) == (2, False)
    record_sales(foreign)
    pages = AtMostTwo(OrderSummary.objects.order_by("reference"), 50)
    [counting] = capture_queries(lambda: pages.count)
    assert "LIMIT 3" in counting
    assert (pages.count, pages.has_uncounted_rows) == (2, True)


def test_the_dashboard_compares_today_with_the_day_before() -> None:
    record_sales(sale, other)
    page = boss().get("/admin/")
    [block] = page.context["blocks"]
    # Unless midnight has passed since the sales.
    assert page.context["is_today"] or timezone.localdate() > page.context["day"]
    figures = {figure.name: (figure.value, figure.before) for figure in block["figures"]}
    assert figures["Orders placed"] == figures["Orders paid"] == ("2", "0")
    assert figures["Revenue"] == ("42.93\N{NO-BREAK SPACE}GBP", "0.00\N{NO-BREAK SPACE}GBP")
    assert figures["Average order"] == ("21.46\N{NO-BREAK SPACE}GBP", "0.00\N{NO-BREAK SPACE}GBP")
    assert len(block["days"]) == 14
    assert page.context["statuses"] == [("PAID", "Paid", 2)]
    assert page.context["flow"].projections


def test_without_sales_today_the_dashboard_shows_the_latest_day_and_says_so() -> None:
    moment = timezone.now() - timedelta(days=40)
    store.append_events(
        sale.order_id,
        [sale.created, sale.paid],
        expected_version=0,
        envelope=Envelope(command_id=new_id(), occurred_at=moment),
    )
    update_read_models()
    page = boss().get("/admin/")
    assert page.context["day"] == timezone.localdate(moment)
    assert find(page, "latest-day") and not find(page, "today")


def test_an_empty_shop_says_what_to_do() -> None:
    page = boss().get("/admin/")
    assert find(page, "no-sales") and find(page, "event-flow")


def test_the_dashboard_shows_each_only_what_they_may_see() -> None:
    record_sales(sale)
    page = clerk("view_ordersummary").get("/admin/")
    assert "statuses" in page.context
    assert "blocks" not in page.context
    assert "flow" not in page.context and "attention" not in page.context
    text = page.content.decode()
    assert ORDERS in text
    assert "/admin/store/storedevent/" not in text


def test_the_dashboard_asks_the_same_however_much_there_is() -> None:
    client = boss()
    record_sales(sale)
    client.get("/admin/")
    cache.clear()
    few = len(capture_queries(lambda: client.get("/admin/")))
    record_sales(*(Sale(number) for number in range(2, 30)))
    cache.clear()
    asked = capture_queries(lambda: client.get("/admin/"))
    assert len(asked) == few
    assert not [sql for sql in asked if "COUNT(" in sql and 'FROM "event"' in sql]


def test_the_dashboard_asks_three_statements_until_a_checkpoint_moves() -> None:
    client = boss()
    record_sales(sale)
    client.get("/admin/")
    again = capture_queries(lambda: client.get("/admin/"))
    assert len(again) <= 3, again  # the session, the account, and the checkpoints
    record_sales(other)
    page = client.get("/admin/")
    assert page.context["statuses"] == [("PAID", "Paid", 2)]
    assert len(page.context["activity"]) == 4


def test_a_retried_dead_letter_and_a_rebuild_change_the_cached_figures(flaky: Flaky) -> None:
    names = [flaky.projection.name]
    append(sale.order_id, sale.created)
    flaky.spoils[sale.order_id, 1] = fail
    catch_up(flaky.projection)
    states = [read_row_state(names)]
    flaky.spoils.clear()
    retry(flaky)
    states.append(read_row_state(names))
    rebuild(flaky.projection, DatabaseEventLog(), requested_by="ada")
    states.append(read_row_state(names))
    assert len(set(states)) == 3
    assert read_row_state(names) == states[-1]


def test_totals_of_daily_sales_are_summed_once_until_a_sale_is_folded() -> None:
    client, path = boss(), "/admin/projections/dailysales/"
    record_sales(sale)
    sums = [sql for sql in capture_queries(lambda: client.get(path)) if "SUM(" in sql and "dailysales" in sql]
    assert len(sums) == 1
    assert not [sql for sql in capture_queries(lambda: client.get(path)) if "SUM(" in sql and "dailysales" in sql]
    assert client.get(path, {"currency": "EUR"}).context["totals"] == []
    record_sales(foreign)
    assert {row["currency"] for row in client.get(path).context["totals"]} == {"GBP", "EUR"}


def lag_by_projection() -> dict[str, tuple[int, str]]:
    return {status.name: (status.lag, tone) for status, tone in read_lag().by_projection()}


def test_each_projection_shows_by_how_many_events_it_is_behind() -> None:
    record_sales(sale)
    append(other.order_id, other.created, other.paid)
    catch_up(order_summary)
    assert lag_by_projection() == {projection.name: (2, "warn") for projection in projection_registry.select([])} | {
        "order-summary": (0, "good")
    }
    client = boss()
    rows = client.get("/admin/projection_engine/checkpoint/").context["cl"].result_list
    assert {row.projection: row.status.lag for row in rows} == {
        name: behind for name, (behind, _) in lag_by_projection().items()
    }
    flow = client.get("/admin/").context["flow"]
    assert {one.name for one in flow.late} == {projection.name for projection in projection_registry.select([])} - {
        "order-summary"
    }
    assert {stage.name: stage.behind for stage in flow.stages}["Folded"] == 2


def test_the_worst_projection_comes_first_and_a_log_that_is_away_is_said(settings: Any) -> None:
    record_sales(sale)
    Checkpoint.objects.filter(projection="daily-sales").update(paused=True)
    Checkpoint.objects.filter(projection="product-sales").update(parked=1)
    found = [(status.name, status.state) for status, _ in read_lag().by_projection()]
    assert found[:2] == [("product-sales", "dead letters"), ("daily-sales", "paused")]

    settings.KAFKA_OPTIONS = {"bootstrap_servers": "not asked again so soon"}
    counted_cache.store("projection-lag", "all", ProjectionLag([], "log-7 is away"), 60)
    [warning] = boss().get("/admin/projection_engine/checkpoint/").context["messages"]
    assert (warning.level_tag, "log-7 is away" in str(warning)) == ("warning", True)


def test_a_rebuild_is_asked_for_with_a_reason() -> None:
    record_sales(sale)
    row = Checkpoint.objects.get(projection="order-summary")
    page = reverse("admin:projection_engine_checkpoint_rebuild", args=(row.pk,))
    assert clerk("view_checkpoint").post(page, {"reason": "new column"}).status_code == 403
    client = clerk("view_checkpoint", "view_rebuild", "rebuild_projection")
    assert client.get(page).status_code == 200
    assert client.post(page, {"reason": ""}).context["form"].errors
    assert not Rebuild.objects.exists()
    assert client.post(page, {"reason": "new column"}).context["form"].errors.keys() == {"without_dry_run"}
    assert not Rebuild.objects.exists()
    answer = client.post(page, {"reason": "new column", "without_dry_run": "on"})
    job = Rebuild.objects.get()
    assert job.foreseen_at is None
    assert (job.projection, job.state, job.requested_by, job.reason) == (
        "order-summary",
        "requested",
        actor_of("clerk"),
        "new column",
    )
    assert answer.headers["Location"] == reverse("admin:projection_engine_rebuild_change", args=(job.pk,))
    client.post(page, {"reason": "again", "without_dry_run": "on"})
    assert Rebuild.objects.count() == 1


@pytest.mark.parametrize(("text", "number"), [("1", 0), ("2001-01-01T00:00", None), ("2999-01-01T00:00", 1)])
def test_a_projection_is_reset_to_a_position_or_a_time(text: str, number: int | None) -> None:
    record_sales(sale)
    positions = list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
    row = Checkpoint.objects.get(projection="order-summary")
    page = reverse("admin:projection_engine_checkpoint_rebuild", args=(row.pk,))
    client = clerk("view_checkpoint", "view_rebuild", "rebuild_projection")
    asked = {"reason": "wrong since then", "without_dry_run": "on"}
    for wrong in ("soon", "-1", "9" * 30, "2026-13-01"):
        assert client.post(page, {**asked, "up_to": wrong}).context["form"].errors.keys() == {"up_to"}
    assert not Rebuild.objects.exists()
    client.post(page, {**asked, "up_to": str(positions[0]) if text == "1" else text})
    assert Rebuild.objects.get().up_to == (0 if number is None else positions[number])
    assert OperatorAction.objects.get().action == "reset projection"


def shown_result(answer: Any) -> tuple[str, list[str]]:
    """The level of the last message, and how many dead letters it says were folded and remain."""
    return message_levels(answer)[-1], re.findall(r"(?<!\S)\d+(?!\S)", messages_of(answer)[-1])


def test_a_parked_event_is_shown_with_its_error_and_retried_after_the_fix(flaky: Flaky) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    catch_up(flaky.projection)
    first = DeadLetter.objects.earliest("position")
    client = clerk("view_deadletter", "retry_dead_letters")
    page = client.get(reverse("admin:projection_engine_deadletter_change", args=(first.pk,)))
    assert texts(page, "error") == [first.error] and first.error
    assert len(texts(page, "traceback")) == 1
    retry = reverse("admin:projection_engine_deadletter_retry", args=(first.pk,))
    assert clerk("view_deadletter").post(retry).status_code == 403
    client = clerk("view_deadletter", "retry_dead_letters")
    assert client.get(retry).status_code == 200
    assert DeadLetter.objects.count() == 2
    assert shown_result(client.post(retry)) == ("warning", ["0", "2"])
    assert DeadLetter.objects.count() == 2
    flaky.repair()
    assert shown_result(client.post(retry)) == ("success", ["2", "0"])
    assert not DeadLetter.objects.exists()
    assert OrderSummary.objects.get(pk=sale.order_id).status == "PAID"
    assert message_levels(client.post(retry))[-1] == "info"


def test_several_parked_sequences_are_retried_from_the_list(flaky: Flaky) -> None:
    for one in (sale, other):
        flaky.spoils[one.order_id, 1] = fail
        append(one.order_id, one.created, one.paid)
    catch_up(flaky.projection)
    flaky.repair()
    ids = list(DeadLetter.objects.values_list("pk", flat=True))
    client = clerk("view_deadletter", "retry_dead_letters")
    answer = client.post(DEAD_LETTERS, {"action": "retry_selected", "_selected_action": ids})
    assert len(messages_of(answer)) == 1
    assert not DeadLetter.objects.exists()


def test_sales_totals_follow_the_filters_and_never_mix_currencies() -> None:
    record_sales(sale, foreign)
    client = boss()
    page = client.get("/admin/projections/dailysales/")
    assert [row["currency"] for row in page.context["totals"]] == ["EUR", "GBP"]
    assert page.context["totals"][1]["net"] == "22.59\N{NO-BREAK SPACE}GBP"
    assert [chart["currency"] for chart in page.context["charts"]] == ["EUR", "GBP"]
    only = client.get("/admin/projections/dailysales/", {"currency": "EUR"})
    assert [row["currency"] for row in only.context["totals"]] == ["EUR"]
    assert DailySales.objects.count() == 2


def test_customers_and_products_are_found() -> None:
    record_sales(sale, other)
    client = boss()
    customers = "/admin/projections/customersummary/"
    assert len(client.get(customers, {"q": str(ADA)}).context["cl"].result_list) == 1
    assert len(client.get(customers, {"q": "nobody"}).context["cl"].result_list) == 0
    page = client.get(client.get(order_url(sale)).context["customer"].split('"')[3])
    [orders] = page.context["tables"]
    assert [strip_tags(row[0]) for row in orders.rows] == ["000001"]
    for address in ("/admin/projections/productsales/", "/admin/projections/orderline/"):
        found = client.get(address, {"q": "2121"}).context["cl"].result_list
        assert {row.sku for row in found} == {"21212"}
    order_lines = client.get("/admin/projections/orderline/", {"q": "000002"}).context["cl"].result_list
    assert {row.order_id for row in order_lines} == {other.order_id}
    activities = client.get("/admin/projections/activitytimeline/", {"q": "000001"}).context["cl"].result_list
    assert len(activities) == StoredEvent.objects.filter(aggregate_id=sale.order_id).count()


def test_a_projections_page_draws_its_lag_with_a_table_beside() -> None:
    append(Sale(1).order_id, Sale(1).created)
    catch_up(order_summary)
    page = reverse("admin:projection_engine_checkpoint_change", args=(Checkpoint.objects.get().pk,))
    client = clerk("view_checkpoint")
    assert texts(client.get(page), "no-history")
    append(Sale(1).order_id, Sale(1).paid, Sale(1).shipped)
    record_minute()
    answer = client.get(page)
    [(title, chart), *_] = answer.context["charts"]
    assert (title, chart.rows[0][1]) == ("Lag: events behind", "2")
    assert len(texts(answer, "chart")) == len(answer.context["charts"]) > 1
    assert not texts(answer, "no-history")
    assert client.get(f"{page}?period=never").status_code == 404
