"""The console is readable: names for ids, only buttons that apply, row counts only where rows were counted."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from eventshop.admin_console.formatting import format_value
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.models import Measurement
from orders.domain.commands import CreateOrder
from orders.domain.events import Line
from projections.models import CustomerSummary, Position, TradeBlotter, TradingAccount
from tests.support.pages import find, texts
from tests.support.sales import Sale, eur
from tests.support.staff import boss, clerk, order_url, record_sales, update_read_models
from tests.support.trade_commands import submit_trade
from trading.domain.commands import HoldSettlement
from users.domain.commands import CreateUser, PlaceLegalHold

pytestmark = pytest.mark.usefixtures("clean_database")

LISTS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("store", "ops", "projections", "privacy") and model is not Measurement  # charts
]


def visible_text(client: Client, address: str) -> str:
    """The visible text of a page, without markup."""
    answer = client.get(address)
    assert answer.status_code == 200, answer
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", words)


def list_url(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def links_to_all(page: Any) -> int:
    """The links from a narrowed list to the whole one."""
    return len(find(page, href="?"))


def page_url(model: type[Model], pk: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(pk,))


def offered_actions(client: Client, address: str) -> list[str]:
    """The actions that the page of a row offers, by the last part of their URL."""
    page = client.get(address).content.decode()
    base = address.removesuffix("change/")
    return sorted(set(re.findall(rf'href="{re.escape(base)}([a-z_-]+)/?"', page)) - {"change", "delete", "history"})


def test_customers_and_people_have_a_short_name_and_their_pages_the_whole_id() -> None:
    ada = uuid4()
    send(CreateUser(ada, "zz-ada@example.org", "Zz Ada"))
    line = Line("KIT-1", "Mug", 1, eur("9.00"))
    send(CreateOrder(uuid4(), "W-1", ada, (line,)), envelope=Envelope(uuid4(), actor=str(ada)))
    update_read_models()
    client, short = boss(), str(ada)[-8:]
    for address in (
        list_url(CustomerSummary),
        "/admin/projections/ordersummary/",
        "/admin/projections/activitytimeline/",
    ):
        said = visible_text(client, address)
        assert f"Customer {short}" in said
        assert str(ada) not in said
        assert "Zz Ada" not in said
    people = visible_text(client, "/admin/projections/userprofile/")
    assert f"Person {short}" in people
    assert str(ada) not in people
    for address, name in (
        (page_url(CustomerSummary, CustomerSummary.objects.get().pk), "Customer"),
        (f"/admin/projections/userprofile/{ada}/change/", "Person"),
    ):
        page = visible_text(client, address)
        assert page.count(f"{name} {short}") >= 2  # as the title and above its fields
        assert str(ada) in page
        assert "Zz Ada" not in page


def test_who_did_it_is_named_and_a_customer_never_by_name() -> None:
    ada, order = uuid4(), uuid4()
    send(CreateUser(ada, "zz-ada@example.org", "Zz Ada"))
    line = Line("KIT-1", "Mug", 1, eur("9.00"))
    send(CreateOrder(order, "W-1", ada, (line,)), envelope=Envelope(uuid4(), actor=str(ada)))
    event = StoredEvent.objects.get(aggregate_id=order)
    client = boss()
    for address in (list_url(StoredEvent), page_url(StoredEvent, event.pk), f"/admin/ops/stream/{order}/change/"):
        said = visible_text(client, address)
        assert f"Customer {str(ada)[-8:]}" in said
        assert "Zz Ada" not in said
    assert str(ada) in visible_text(client, page_url(StoredEvent, event.pk))


def test_the_login_of_a_customer_is_not_listed_by_its_id() -> None:
    ada = uuid4()
    login = User.objects.create_user(str(ada))
    client, short = boss(), f"Customer {str(ada)[-8:]}"
    listed = visible_text(client, "/admin/auth/user/")
    assert short in listed
    assert "boss" in listed
    assert str(ada) not in listed
    assert short in visible_text(client, f"/admin/auth/user/{login.pk}/change/")


def test_a_state_keeps_ids_as_they_are() -> None:
    held = "b1946ac9-2f0b-4a55-9b1e-7d2c9a55e0aa"
    shown = format_value({"amount_due": "1", held: "2", "KIT-101": "3", "b1946ac92f0b": "4"})
    assert re.findall("<dt>(.*?)</dt>", shown) == ["Amount due", held, "KIT-101", "b1946ac92f0b"]


@pytest.mark.parametrize("model", LISTS, ids=[model.__name__ for model in LISTS])
def test_an_empty_list_says_so_and_proposes_nothing_that_cannot_be_done(model: type[Model]) -> None:
    client, model_admin = boss(), admin.site._registry[model]
    page = client.get(list_url(model))
    assert find(page, "add-row") == []
    if not page.context["cl"].result_list:
        [shown] = texts(page, "no-rows")
        assert model_admin.empty_message in shown  # type: ignore[attr-defined]


def test_a_search_that_finds_nothing_leads_back_to_all() -> None:
    page = boss().get(f"/admin/projections/ordersummary/?q={uuid4()}")
    assert find(page, "no-matches") and not find(page, "no-rows")
    assert [link.attributes["href"] for link in find(page, "show-all")] == ["?"]


@pytest.mark.parametrize(
    "name", ["store/storedevent", "store/storedreceipt", "ops/stream", "projections/activitytimeline"]
)
def test_a_list_that_is_not_counted_says_no_number_but_that_of_the_page(name: str) -> None:
    record_sales(*(Sale(number) for number in range(1, 40)))
    update_read_models()
    page = boss().get(f"/admin/{name}/")
    assert links_to_all(page) == 0
    assert "unfold/helpers/pagination_default.html" not in {template.name for template in page.templates}
    [shown] = texts(page, "shown-rows")
    assert str(len(page.context["cl"].result_list)) in shown


def test_a_whole_list_offers_no_way_to_all_and_a_narrowed_one_does() -> None:
    record_sales(Sale(1), Sale(2))
    update_read_models()
    client = boss()
    whole, narrowed = (client.get(f"/admin/projections/ordersummary/{query}") for query in ("", "?q=000001"))
    assert (whole.context["cl"].result_count, links_to_all(whole)) == (2, 0)
    assert (narrowed.context["cl"].result_count, links_to_all(narrowed)) == (1, 1)


def test_an_order_offers_what_its_state_allows() -> None:
    sale = Sale(1)
    record_sales(sale)
    update_read_models()
    client = boss()
    assert {"ship", "cancel"} <= set(offered_actions(client, order_url(sale)))
    assert "deliver" not in offered_actions(client, order_url(sale))
    form = client.get(order_url(sale, "ship")).context["form"]
    client.post(order_url(sale, "ship"), {"command_id": str(form["command_id"].value()), "carrier": "DHL"})
    update_read_models()
    offered = offered_actions(client, order_url(sale))
    assert "deliver" in offered
    assert not {"ship", "cancel"} & set(offered)
    # Whoever opens the dialog nevertheless is told why not.
    assert client.get(order_url(sale, "ship")).context["refusal"]


def test_a_trade_offers_to_release_only_what_is_held() -> None:
    trade_id = submit_trade("T-1", ("100.00", "2"))
    update_read_models()
    client, address = boss(), page_url(TradeBlotter, trade_id)
    assert {"settle", "hold", "correct", "bust"} <= set(offered_actions(client, address))
    assert not {"release", "reject"} & set(offered_actions(client, address))
    send(HoldSettlement(trade_id, "asked"))
    offered = offered_actions(client, address)
    assert "release" in offered
    assert "hold" not in offered


def test_a_hold_is_released_only_where_there_is_one() -> None:
    ada = uuid4()
    send(CreateUser(ada, "ada@example.org", "Ada"))
    update_read_models()
    client, address = boss(), f"/admin/projections/userprofile/{ada}/change/"
    assert offered_actions(client, address) == ["as_it_was", "check_row", "hold", "repair_row", "reveal"]
    send(PlaceLegalHold(ada, "F-1", "a dispute"))
    assert "release" in offered_actions(client, address)


def test_who_may_not_is_offered_nothing() -> None:
    sale = Sale(1)
    record_sales(sale)
    update_read_models()
    assert offered_actions(clerk("view_ordersummary"), order_url(sale)) == []


def test_prices_have_their_currency_and_no_more_digits_than_they_are_quoted_in() -> None:
    trade_id = submit_trade("T-1", ("61837.65", "1"), ("61837.64", "2"))
    update_read_models()
    client = boss()
    assert TradeBlotter.objects.get().average_price == Decimal("61837.6433333333")
    for address in (list_url(TradeBlotter), page_url(TradeBlotter, trade_id), list_url(Position)):
        said = visible_text(client, address)
        assert "61,837.64 USDT" in said
        assert "61,837.6433" not in said


def test_a_position_names_its_account() -> None:
    submit_trade("T-1", ("100.00", "2"))
    update_read_models()
    position, account = Position.objects.get(), TradingAccount.objects.first()
    said = visible_text(boss(), page_url(Position, position.pk))
    assert str(position.account_id) in said
    assert (account.reference if account else f"Account {str(position.account_id)[-8:]}") in said


def test_a_trade_is_told_in_words() -> None:
    trade_id = submit_trade("T-1", ("100.00", "2"))
    update_read_models()
    said = visible_text(boss(), page_url(TradeBlotter, trade_id))
    for data in ("2 BINANCE_SPOT/BTCUSDT", "2 at 100.00 USDT"):
        assert data in said


def test_dialogs_about_a_person_name_them_shortly_and_their_fields_can_be_seen() -> None:
    ada = uuid4()
    send(CreateUser(ada, "ada@example.org", "Ada"))
    send(PlaceLegalHold(ada, "F-1", "a dispute"))
    update_read_models()
    client, fields = boss(), {"reveal": ["reason"], "hold": ["hold", "reason"], "release": ["hold"]}
    for action, names in fields.items():
        answer = client.get(f"/admin/projections/userprofile/{ada}/{action}/")
        assert answer.context["title"].endswith(f" {str(ada)[-8:]}")
        page = answer.content.decode()
        assert [
            name for name in names if not re.search(rf'<(?:input|select)[^>]*name="{name}"[^>]*es-input', page)
        ] == []
