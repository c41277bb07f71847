"""What the console says is for people: names, buttons that apply, lists that say how many only where they know."""

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
from orders.domain.commands import CreateOrder
from orders.domain.events import Line
from projections.models import CustomerSummary, Position, TradeBlotter, TradingAccount
from tests.support.sales import Sale, eur
from tests.support.staff import boss, catch_up, clerk, order_url, record_sales
from tests.support.trade_commands import deal
from trading.domain.commands import HoldSettlement
from users.domain.commands import CreateUser, PlaceLegalHold

pytestmark = pytest.mark.usefixtures("clean_database")

LISTS = [model for model in admin.site._registry if model._meta.app_label in ("store", "ops", "projections", "privacy")]


def text_of(client: Client, address: str) -> str:
    """What somebody reads there, without attributes."""
    answer = client.get(address)
    assert answer.status_code == 200, answer
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", words)


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(model: type[Model], pk: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(pk,))


def buttons(client: Client, address: str) -> list[str]:
    """The actions that the page of a row offers, by the end of their address."""
    page = client.get(address).content.decode()
    base = address.removesuffix("change/")
    return sorted(set(re.findall(rf'href="{re.escape(base)}([a-z_-]+)/?"', page)) - {"change", "delete", "history"})


def test_customers_and_people_have_a_short_name_and_their_pages_the_whole_id() -> None:
    ada = uuid4()
    send(CreateUser(ada, "zz-ada@example.org", "Zz Ada"))
    line = Line("KIT-1", "Mug", 1, eur("9.00"))
    send(CreateOrder(uuid4(), "W-1", ada, (line,)), envelope=Envelope(uuid4(), actor=str(ada)))
    catch_up()
    client, short = boss(), str(ada)[-8:]
    for address in (
        list_of(CustomerSummary),
        "/admin/projections/ordersummary/",
        "/admin/projections/activitytimeline/",
    ):
        said = text_of(client, address)
        assert f"Customer {short}" in said
        assert str(ada) not in said
        assert "Zz Ada" not in said
    people = text_of(client, "/admin/projections/userprofile/")
    assert f"Person {short}" in people
    assert str(ada) not in people
    for address, name in (
        (page_of(CustomerSummary, CustomerSummary.objects.get().pk), "Customer"),
        (f"/admin/projections/userprofile/{ada}/change/", "Person"),
    ):
        page = text_of(client, address)
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
    for address in (list_of(StoredEvent), page_of(StoredEvent, event.pk), f"/admin/ops/stream/{order}/change/"):
        said = text_of(client, address)
        assert f"Customer {str(ada)[-8:]}" in said
        assert "Zz Ada" not in said
    assert str(ada) in text_of(client, page_of(StoredEvent, event.pk))


def test_the_login_of_a_customer_is_not_listed_by_its_id() -> None:
    ada = uuid4()
    login = User.objects.create_user(str(ada))
    client, short = boss(), f"Customer {str(ada)[-8:]}"
    listed = text_of(client, "/admin/auth/user/")
    assert short in listed
    assert "boss" in listed
    assert str(ada) not in listed
    assert short in text_of(client, f"/admin/auth/user/{login.pk}/change/")


def test_a_state_keeps_ids_as_they_are() -> None:
    held = "b1946ac9-2f0b-4a55-9b1e-7d2c9a55e0aa"
    shown = format_value({"amount_due": "1", held: "2", "KIT-101": "3", "b1946ac92f0b": "4"})
    assert re.findall("<dt>(.*?)</dt>", shown) == ["Amount due", held, "KIT-101", "b1946ac92f0b"]


@pytest.mark.parametrize("model", LISTS, ids=[model.__name__ for model in LISTS])
def test_an_empty_list_says_so_and_proposes_nothing_that_cannot_be_done(model: type[Model]) -> None:
    client, model_admin = boss(), admin.site._registry[model]
    said = text_of(client, list_of(model))
    assert "Create a new item" not in said
    if not client.get(list_of(model)).context["cl"].result_list:
        assert model_admin.empty_message in said  # type: ignore[attr-defined]
        assert "There is nothing of this yet" not in said


def test_a_search_that_finds_nothing_leads_back_to_all() -> None:
    said = text_of(boss(), f"/admin/projections/ordersummary/?q={uuid4()}")
    assert "Nothing matches" in said
    assert "Show all orders" in said


@pytest.mark.parametrize(
    "name", ["store/storedevent", "store/storedreceipt", "ops/stream", "projections/activitytimeline"]
)
def test_a_list_that_is_not_counted_says_no_number_but_that_of_the_page(name: str) -> None:
    record_sales(*(Sale(number) for number in range(1, 40)))
    catch_up()
    said = text_of(boss(), f"/admin/{name}/")
    assert not re.search(r"\d+ results?\b", said)
    assert re.search(r"\d+ shown, newest first", said)


def test_a_whole_list_offers_no_way_to_all_and_a_narrowed_one_does() -> None:
    record_sales(Sale(1), Sale(2))
    catch_up()
    client = boss()
    assert "Show all" not in text_of(client, "/admin/projections/ordersummary/")
    assert "1 result ( Show all )" in text_of(client, "/admin/projections/ordersummary/?q=000001")


def test_an_order_offers_what_its_state_allows() -> None:
    sale = Sale(1)
    record_sales(sale)
    catch_up()
    client = boss()
    assert {"ship", "cancel"} <= set(buttons(client, order_url(sale)))
    assert "deliver" not in buttons(client, order_url(sale))
    form = client.get(order_url(sale, "ship")).context["form"]
    client.post(order_url(sale, "ship"), {"command_id": str(form["command_id"].value()), "carrier": "DHL"})
    catch_up()
    offered = buttons(client, order_url(sale))
    assert "deliver" in offered
    assert not {"ship", "cancel"} & set(offered)
    # Whoever opens the dialog nevertheless is told why not.
    assert client.get(order_url(sale, "ship")).context["refusal"]


def test_a_trade_offers_to_release_only_what_is_held() -> None:
    trade_id = deal("T-1", ("100.00", "2"))
    catch_up()
    client, address = boss(), page_of(TradeBlotter, trade_id)
    assert {"settle", "hold", "correct", "bust"} <= set(buttons(client, address))
    assert not {"release", "reject"} & set(buttons(client, address))
    send(HoldSettlement(trade_id, "asked"))
    offered = buttons(client, address)
    assert "release" in offered
    assert "hold" not in offered


def test_a_hold_is_released_only_where_there_is_one() -> None:
    ada = uuid4()
    send(CreateUser(ada, "ada@example.org", "Ada"))
    catch_up()
    client, address = boss(), f"/admin/projections/userprofile/{ada}/change/"
    assert buttons(client, address) == ["as_it_was", "hold", "reveal"]
    send(PlaceLegalHold(ada, "F-1", "a dispute"))
    assert "release" in buttons(client, address)


def test_who_may_not_is_offered_nothing() -> None:
    sale = Sale(1)
    record_sales(sale)
    catch_up()
    assert buttons(clerk("view_ordersummary"), order_url(sale)) == []


def test_prices_have_their_currency_and_no_more_digits_than_they_are_quoted_in() -> None:
    trade_id = deal("T-1", ("61837.65", "1"), ("61837.64", "2"))
    catch_up()
    client = boss()
    assert TradeBlotter.objects.get().average_price == Decimal("61837.6433333333")
    for address in (list_of(TradeBlotter), page_of(TradeBlotter, trade_id), list_of(Position)):
        said = text_of(client, address)
        assert "61,837.64 USDT" in said
        assert "61,837.6433" not in said


def test_a_position_names_its_account() -> None:
    deal("T-1", ("100.00", "2"))
    catch_up()
    position, account = Position.objects.get(), TradingAccount.objects.first()
    said = text_of(boss(), page_of(Position, position.pk))
    assert str(position.account_id) in said
    assert (account.reference if account else f"Account {str(position.account_id)[-8:]}") in said


def test_a_trade_is_told_in_words() -> None:
    trade_id = deal("T-1", ("100.00", "2"))
    catch_up()
    said = text_of(boss(), page_of(TradeBlotter, trade_id))
    assert "Placed: buy 2 BINANCE_SPOT/BTCUSDT at the market." in said
    assert "Filled 2 at 100.00 USDT." in said


def test_dialogs_about_a_person_name_them_shortly_and_their_fields_can_be_seen() -> None:
    ada = uuid4()
    send(CreateUser(ada, "ada@example.org", "Ada"))
    send(PlaceLegalHold(ada, "F-1", "a dispute"))
    catch_up()
    client, fields = boss(), {"reveal": ["reason"], "hold": ["hold", "reason"], "release": ["hold"]}
    for action, names in fields.items():
        answer = client.get(f"/admin/projections/userprofile/{ada}/{action}/")
        assert answer.context["title"].endswith(f" of person {str(ada)[-8:]}")
        page = answer.content.decode()
        assert [
            name for name in names if not re.search(rf'<(?:input|select)[^>]*name="{name}"[^>]*es-input', page)
        ] == []
