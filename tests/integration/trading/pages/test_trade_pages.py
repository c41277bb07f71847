"""The trading pages: the ticket, live updates, cancellation, blotter, positions and limits."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from msgspec.structs import replace

from eventshop.core.decimal_math import format_plain
from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from tests.support.customers import sign_in_customer
from tests.support.pages import find, texts
from tests.support.staff import message_tags, update_read_models
from tests.support.tagged_pdf import read_tags
from tests.support.trader import BTC, fill_trade, form_id_of, open_account, submit_limit_order
from trading.domain.account import TradingAccount
from trading.domain.commands import SettleTrade
from trading.domain.events import OrderType, Side
from trading.models import ExchangeRate, FeeSchedule
from trading.pages.forms import AmendForm

pytestmark = pytest.mark.usefixtures("clean_database")

TICKET = "/trading/ticket/"


@pytest.fixture
def ada() -> tuple[Client, UUID]:
    return sign_in_customer()


@pytest.fixture
def dollars(ada: tuple[Client, UUID]) -> UUID:
    account_id = open_account(ada[1])
    update_read_models()
    return account_id


def ticket_data(account_id: UUID, **other: str) -> dict[str, str]:
    form = {"account": str(account_id), "instrument": BTC, "side": "BUY", "type": "LIMIT", "quantity": "2"}
    return {**form, "limit_price": "100.00", "form_id": str(new_id()), **other}


def preview_ticket(client: Client, form: dict[str, str]) -> Any:
    return client.post(TICKET, form)


def submit_ticket(client: Client, form: dict[str, str]) -> Any:
    """Preview a ticket, then submit it."""
    seen = preview_ticket(client, form).context["form"]["seen"].value()
    return client.post(TICKET, {**form, "seen": seen, "place": "yes"})


def amount_in_use(account_id: UUID) -> str:
    return f"{TradingAccount().evolve_all(event.event for event in store.get_events(account_id)).amount_in_use():f}"


def test_the_ticket_shows_what_a_trade_freezes_before_it_is_placed(ada: tuple[Client, UUID], dollars: UUID) -> None:
    answer = preview_ticket(ada[0], ticket_data(dollars))
    preview = answer.context["preview"]
    assert (preview["amount"], preview["available"]) == ("200", "1,000")
    assert amount_in_use(dollars) == "0"


def test_a_placed_trade_is_shown_at_once_everywhere(ada: tuple[Client, UUID], dollars: UUID) -> None:
    client = ada[0]
    answer = submit_ticket(client, ticket_data(dollars))
    page = client.get(answer.headers["Location"])
    terms = page.context["trade"].terms
    assert (terms.side, terms.quantity, str(terms.limit_price)) == (Side.BUY, 2, "100.00")
    assert page.context["trade"].can_cancel and "data-live" in find(page, id="live")[0].attributes
    [frozen] = texts(client.get("/trading/accounts/"), href=answer.headers["Location"])
    assert "200.00 USDT" in frozen
    update_read_models()
    [row] = client.get("/trading/").context["page"]
    assert (f"/trading/trades/{row.pk}/", row.status) == (answer.headers["Location"], "OPEN")


def test_the_blotter_says_when_it_lags_behind_what_was_just_placed(ada: tuple[Client, UUID], dollars: UUID) -> None:
    submit_ticket(ada[0], ticket_data(dollars))
    assert not ada[0].get("/trading/").context["current"]
    update_read_models()
    assert ada[0].get("/trading/").context["current"]


def test_the_same_form_sent_twice_places_one_trade(ada: tuple[Client, UUID], dollars: UUID) -> None:
    form = ticket_data(dollars, quantity="6")  # twice that is more than the limit
    seen = preview_ticket(ada[0], form).context["form"]["seen"].value()
    first, again = (ada[0].post(TICKET, {**form, "seen": seen, "place": "yes"}) for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"]
    assert amount_in_use(dollars) == "600.00000000"


def test_the_check_repeats_the_whole_trade_and_leads_back_to_the_form(ada: tuple[Client, UUID], dollars: UUID) -> None:
    FeeSchedule.objects.create(rate=Decimal("0.001"), valid_from=datetime(2020, 1, 1, tzinfo=UTC), recorded_by="x")
    form = ticket_data(dollars, time_in_force="DAY")
    answer = preview_ticket(ada[0], form)
    [repeated] = find(answer, id="preview")
    fee = "0.20 USDT by your terms"
    for value in ("Dollars", "Buy", BTC, "100.00 USDT or better", "Not yet", "For the trading day", "200 USDT", fee):
        assert value in " ".join(repeated.text.split()), value
    assert {name for name in form if not find(answer, name=name)} == set()
    [back] = find(ada[0].post(TICKET, {**form, "change": "yes"}), id="id_quantity")
    assert back.attributes["value"] == "2" and back.attributes.get("type") != "hidden"


@pytest.mark.parametrize(
    ("typed", "code"),
    [("spot/btcu", BTC), ("binance_spot/BTCUSDT", BTC), ("BTCUSDT", "ambiguous"), ("CHEESE", "invalid_choice")],
)
def test_an_instrument_is_found_by_a_part_of_its_name(
    ada: tuple[Client, UUID], dollars: UUID, typed: str, code: str
) -> None:
    answer = preview_ticket(ada[0], ticket_data(dollars, instrument=typed))
    if answer.context["preview"]:
        assert answer.context["preview"]["order"].instrument.code == code
    else:
        assert [error.code for error in answer.context["form"].errors.as_data()["instrument"]] == [code]


def test_the_ticket_suggests_what_the_account_can_trade(ada: tuple[Client, UUID], dollars: UUID) -> None:
    def suggested() -> set[str]:
        answer = ada[0].get(f"{TICKET}?account={dollars}")
        return {code for code, _ in answer.context["form"].instruments}

    assert BTC in suggested() and "XETRA/SAP" not in suggested()
    now = datetime.now(UTC)
    ExchangeRate.objects.create(base="EUR", quote="USDT", rate=Decimal("1.1"), at=now, recorded_by="test")
    assert {BTC, "XETRA/SAP"} <= suggested()


def test_the_same_trade_twice_is_asked_about(ada: tuple[Client, UUID], dollars: UUID, settings: Any) -> None:
    settings.DUPLICATE_TRADE_WINDOW_S = 60
    submit_limit_order(dollars)
    answer = preview_ticket(ada[0], form := ticket_data(dollars))
    assert [error.code for error in answer.context["form"].errors.as_data()["repeated"]] == ["duplicate-trade"]
    assert find(answer, name="repeated")[0].attributes["type"] == "checkbox"
    submit_ticket(ada[0], {**form, "repeated": "on"})
    assert amount_in_use(dollars) == "400.00000000"


def test_an_open_trade_is_amended_and_what_cannot_be_is_said(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    fill_trade(trade_id, "1")
    path = f"/trading/trades/{trade_id}/amend/"
    form = {"form_id": form_id_of(ada[0], path), "reason": "the market moved", "quantity": "1", "limit_price": "100"}
    answer = ada[0].post(path, form)
    assert [error.code for error in answer.context["form"].errors.as_data()["quantity"]] == ["not-amendable"]
    answer = ada[0].post(path, {**form, "quantity": "3", "limit_price": "99.5"}, follow=True)
    terms = answer.context["trade"].terms
    assert (terms.quantity, terms.limit_price) == (3, Decimal("99.5"))
    assert ada[0].get(path).context["form"]["quantity"].value() == "3"
    assert "limit_price" not in AmendForm(replace(terms, type=OrderType.MARKET, limit_price=None)).fields


def test_values_changed_after_the_look_are_shown_again_and_not_placed(ada: tuple[Client, UUID], dollars: UUID) -> None:
    form = ticket_data(dollars)
    seen = preview_ticket(ada[0], form).context["form"]["seen"].value()
    answer = ada[0].post(TICKET, {**form, "quantity": "3", "seen": seen, "place": "yes"})
    assert (answer.status_code, answer.context["preview"]["amount"]) == (200, "300")
    assert amount_in_use(dollars) == "0"


@pytest.mark.parametrize(
    ("other", "field", "code"),
    [
        ({"limit_price": "100.001"}, "limit_price", "wrong-tick"),
        ({"quantity": "0.000001"}, "quantity", "wrong-lot"),
        ({"quantity": "11"}, "quantity", "limit-exceeded"),
        ({"quantity": ""}, "quantity", "required"),
        ({"quantity": "NaN"}, "quantity", "invalid"),
        ({"quantity": "-1"}, "__all__", "invalid-message"),
        ({"limit_price": ""}, "limit_price", "required"),
        ({"type": "MARKET"}, "limit_price", "not-allowed"),
        ({"type": "MARKET", "limit_price": ""}, "type", "no-price"),
        ({"instrument": "XETRA/SAP"}, "account", "missing-rate"),
        ({"instrument": "MOON/CHEESE"}, "instrument", "invalid_choice"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    ada: tuple[Client, UUID], dollars: UUID, other: dict[str, str], field: str, code: str
) -> None:
    answer = preview_ticket(ada[0], ticket_data(dollars, **other))
    errors = answer.context["form"].errors.as_data()
    assert {name: [error.code for error in errors[name]] for name in errors} == {field: [code]}
    assert [event.meta.event_type for event in store.get_events(dollars)] == ["AccountOpened"]


def test_a_market_order_freezes_at_the_last_price(ada: tuple[Client, UUID], dollars: UUID) -> None:
    fill_trade(submit_limit_order(dollars, "1", "50.00"), "1", "50.00")
    update_read_models()
    answer = preview_ticket(ada[0], ticket_data(dollars, type="MARKET", limit_price=""))
    assert answer.context["preview"]["amount"] == "100"


def test_another_ones_account_cannot_be_used(ada: tuple[Client, UUID], dollars: UUID) -> None:
    bob, person = sign_in_customer("bob@example.org", "Bob")
    assert not bob.get(TICKET).context["accounts"]
    mine = open_account(person, "Bob's")
    update_read_models()
    answer = preview_ticket(bob, ticket_data(dollars, limit_price="1"))
    assert "account" in answer.context["form"].errors
    assert preview_ticket(bob, ticket_data(mine, limit_price="1")).context["preview"]


def test_a_cancelled_trade_frees_its_amount_at_once(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    fill_trade(trade_id, "1")
    path = f"/trading/trades/{trade_id}/cancel/"
    form = {"form_id": form_id_of(ada[0], path), "reason": "the market moved"}
    for _ in range(2):
        answer = ada[0].post(path, form, follow=True)
        assert not answer.context["trade"].can_cancel
    assert not ada[0].get(path).context["trade"].can_cancel
    assert amount_in_use(dollars) == "0"


def test_a_trade_that_was_done_meanwhile_says_so(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    path = f"/trading/trades/{trade_id}/cancel/"
    form = {"form_id": form_id_of(ada[0], path), "reason": "the market moved"}
    fill_trade(trade_id, "2")
    answer = ada[0].post(path, form, follow=True)
    assert message_tags(answer) == ["invalid-trade-state error"]
    assert len(answer.context["trade"].fills) == 1


def test_a_trades_page_tells_fills_and_stops_when_all_is_done(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    path = f"/trading/trades/{trade_id}/"
    live = f"/live/trade/{trade_id}/"
    assert ada[0].get(live, {"after": 1}).status_code == 204
    fill_trade(trade_id, "2", "99.50")
    assert ada[0].get(live, {"after": 1}).status_code == 200
    page = ada[0].get(path)
    [fill] = texts(page, "TradeExecuted")
    assert "2" in fill.split() and "99.50" in fill
    assert [fill.venue_trade_id for fill in page.context["trade"].fills] == ["v1"]
    assert "data-live" in find(page, id="live")[0].attributes
    send(SettleTrade(trade_id, store.get_events(trade_id)[0].meta.recorded_at.date()))
    answer = ada[0].get(path)
    assert not answer.context["trade"].is_in_progress
    assert "data-live" not in find(answer, id="live")[0].attributes


def test_a_trade_is_followed_by_its_owner_alone(ada: tuple[Client, UUID], dollars: UUID) -> None:
    live = f"/live/trade/{submit_limit_order(dollars)}/"
    assert ada[0].get(live).status_code == 200
    bob, _ = sign_in_customer("bob@example.org", "Bob")
    assert (bob.get(live).status_code, Client().get(live).status_code) == (404, 403)


def test_the_blotter_is_narrowed_and_turned_page_by_page(ada: tuple[Client, UUID], dollars: UUID) -> None:
    client = ada[0]
    other = open_account(ada[1], "Other")
    for _ in range(21):
        submit_limit_order(dollars, "0.01")
    fill_trade(submit_limit_order(other, side=Side.SELL), "2")
    update_read_models()

    def listed(query: str) -> int:
        return len(client.get(f"/trading/?{query}").context["page"].object_list)

    assert (listed(""), listed("page=2"), listed("side=SELL"), listed("status=FILLED")) == (20, 2, 1, 1)
    assert (listed(f"account={other}"), listed("instrument=MOON/CHEESE"), listed(f"account={new_id()}")) == (1, 0, 0)
    [following] = find(client.get("/trading/?side=BUY"), rel="next")
    assert "side=BUY" in following.attributes["href"]
    assert listed("side=BOTH") == 0


def test_the_blotter_is_sorted_by_its_headings(ada: tuple[Client, UUID], dollars: UUID) -> None:
    for quantity in ("2", "0.1", "1.5"):
        submit_limit_order(dollars, quantity)
    update_read_models()

    def sorted_by(sort: str) -> tuple[list[str], str]:
        answer = ada[0].get("/trading/", {"sort": sort, "side": "BUY"})
        [marked] = [heading for heading in answer.context["headings"].values() if heading.order]
        return [format_plain(row.trade.quantity) for row in answer.context["rows"]], f"{marked.label} {marked.order}"

    assert sorted_by("quantity") == (["0.1", "1.5", "2"], "Quantity ascending")
    assert sorted_by("-quantity") == (["2", "1.5", "0.1"], "Quantity descending")
    assert sorted_by("mark_price") == (["1.5", "0.1", "2"], "Placed descending")
    heading = ada[0].get("/trading/?sort=quantity&side=BUY").context["headings"]["quantity"]
    assert heading.query == "side=BUY&sort=-quantity"


def test_the_blotter_says_what_remains_and_what_closing_would_bring(ada: tuple[Client, UUID], dollars: UUID) -> None:
    FeeSchedule.objects.create(rate=Decimal("0.001"), valid_from=datetime(2020, 1, 1, tzinfo=UTC), recorded_by="x")
    fill_trade(submit_limit_order(dollars, "2"), "1.5", "90")
    fill_trade(submit_limit_order(dollars, "1", side=Side.SELL), "1", "110", "v2")
    update_read_models()
    sold, bought = ada[0].get("/trading/").context["rows"]
    # The minute's average of 1.5 at 90 and 1 at 110 is 98.
    assert (bought.remaining, bought.unrealised, bought.unrealised_currency) == (Decimal("0.5"), 12, "USDT")
    assert (sold.remaining, sold.unrealised) == (0, 12)
    assert [row.trade.fees for row in (bought, sold)] == [Decimal("0.135"), Decimal("0.11")]
    assert [row.trade.fees for row in ada[0].get("/trading/?sort=fees").context["rows"]] == [
        sold.trade.fees,
        bought.trade.fees,
    ]
    header, line = ada[0].get("/trading/?format=csv&side=SELL").content.decode().splitlines()
    cells = dict(zip(header.split(","), line.split(","), strict=True))
    assert cells["account"] == "Dollars" and cells["limit_price"] == "100"
    assert [cells[name] for name in ("side", "filled", "remaining", "unrealised")] == ["SELL", "1", "0", "12"]
    assert (cells["fees"], cells["fee_currency"]) == ("0.11", "USDT")


def test_the_blotter_is_followed_by_its_owner_alone(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    update_read_models()
    [area] = find(ada[0].get("/trading/"), id="live")
    live, after = area.attributes["data-live"], {"after": area.attributes["data-mark"]}
    assert ada[0].get(live, after).status_code == 204
    fill_trade(trade_id, "1")
    update_read_models()
    assert ada[0].get(live, after).status_code == 200
    bob, _ = sign_in_customer("bob@example.org", "Bob")
    assert bob.get(live).status_code == 404


def test_a_trade_is_confirmed_with_all_its_fills(ada: tuple[Client, UUID], dollars: UUID) -> None:
    trade_id = submit_limit_order(dollars)
    path = f"/trading/trades/{trade_id}/confirmation.pdf"
    assert ada[0].get(path).status_code == 404  # there is nothing to confirm
    fill_trade(trade_id, "1.5", "99.50")
    tags = read_tags(ada[0].get(path).content)
    [fill] = [row.texts for row in tags.find("/TR")[1:]]
    assert fill[1:3] == ["v1", "1.5"] and fill[4].startswith("149.25")
    facts = dict(item.texts for item in tags.find("/LI"))
    assert (facts["Account"], facts["Executed"], facts["Still open"]) == ("Dollars", "1.5", "0.5")
    bob, _ = sign_in_customer("bob@example.org", "Bob")
    assert bob.get(path).status_code == 404


def test_positions_are_summed_up_by_currency(ada: tuple[Client, UUID], dollars: UUID) -> None:
    other = open_account(ada[1], "Other")
    fill_trade(submit_limit_order(dollars, "2"), "2", "90")
    fill_trade(submit_limit_order(other, "1"), "1", "99", "v2")
    update_read_models()
    [total] = ada[0].get("/trading/positions/").context["totals"]
    # All are worth the minute's average: 93.
    assert (total.currency, total.cost, total.value, total.unrealised) == ("USDT", 279, 279, 0)
    assert [float(one.share) for one in total.held] == [100.0, 50.0]


def test_positions_are_those_of_ones_own_accounts(ada: tuple[Client, UUID], dollars: UUID) -> None:
    fill_trade(submit_limit_order(dollars), "2", "99.50")
    update_read_models()
    [(held, _, result, _)] = ada[0].get("/trading/positions/").context["held"]
    assert (held.instrument, held.quantity, result.average_cost) == (BTC, Decimal(2), Decimal("99.5"))
    assert (result.realised, result.unrealised) == (0, 0)
    bob, person = sign_in_customer("bob@example.org", "Bob")
    open_account(person, "Bob's")
    update_read_models()
    assert not bob.get("/trading/positions/").context["held"]
    assert not bob.get("/trading/").context["page"].object_list


def test_lists_cost_the_same_whatever_they_hold(ada: tuple[Client, UUID], dollars: UUID) -> None:
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def statements(path: str) -> int:
        cache.clear()  # what figures lack is remembered for some seconds
        with CaptureQueriesContext(connection) as queries:
            ada[0].get(path)
        return len(queries)

    submit_limit_order(dollars, "0.01")
    update_read_models()
    before = [statements(path) for path in ("/trading/", "/trading/positions/")]
    for _ in range(5):
        fill_trade(submit_limit_order(dollars, "0.01"), "0.01")
    update_read_models()
    assert [statements(path) for path in ("/trading/", "/trading/positions/")] == before
