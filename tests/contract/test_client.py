"""The main journeys over real HTTP, with a client that was generated from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings
from standardwebhooks import Webhook

from eventshop.web.webhooks.worker import send_webhooks
from orders.models import Product
from tests.support.api_clients import staff, token_of
from tests.support.browser import serve
from tests.support.customers import sign_up
from tests.support.generated_client import Api, ApiProblem, generate, models
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import receive_stock, run_sagas_until_idle
from tests.support.staff import update_read_models
from tests.support.webhook_receiver import Receiver, run_receiver
from users.domain.privacy_notices import current_notice

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("client")
    generate(folder)
    with pytest.MonkeyPatch.context() as here:
        here.syspath_prepend(folder)
        yield


@pytest.fixture
def server(clean_database: None) -> Iterator[str]:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    receive_stock("MUG", 50)
    with serve() as address:
        yield address


@pytest.fixture
def programs(server: str) -> Iterator[Callable[[str], Api]]:
    """Makes an API client for a token."""
    apis: list[Api] = []

    def program(token: str) -> Api:
        apis.append(Api(server, token))
        return apis[-1]

    yield program
    for api in apis:
        api.close()


@pytest.fixture
def ada(programs: Callable[[str], Api]) -> Api:
    """The API client of a customer."""
    return programs(token_of(sign_up()))


@pytest.fixture
def clerk(programs: Callable[[str], Api]) -> Callable[..., Api]:
    """Makes the API client of staff with these permissions."""
    return lambda *permissions: programs(token_of(staff("clerk", *permissions)))


def new_order(pieces: int) -> Any:
    schemas = models()
    line = schemas.RequestedLine(sku="MUG", quantity=pieces, price=schemas.Money(amount="12.50", currency="GBP"))
    return schemas.NewOrder(lines=[line], delivery=schemas.Destination(name="Ada Marker", address="1 St\nYork"))


def test_a_token_says_who_asks_and_a_bad_one_is_a_typed_problem(ada: Api, programs: Callable[[str], Api]) -> None:
    me = ada.about.get_root().parsed
    assert (type(me.person_id), me.staff, me.token) == (UUID, False, "a script")
    assert me.expires_at > datetime.now(UTC)
    with pytest.raises(ApiProblem) as refused:
        programs("eshop_nonsense").about.get_root()
    assert (refused.value.problem.status, refused.value.problem.code) == (401, "invalid-token")


def test_an_order_is_placed_paid_shipped_delivered_and_returned(ada: Api, clerk: Callable[..., Api]) -> None:
    schemas, shop = models(), clerk("view_ordersummary", "deliver_order")
    placed = ada.orders.post_orders(body=new_order(2), idempotency_key="till-1")
    again = ada.orders.post_orders(body=new_order(2), idempotency_key="till-1")
    assert again.parsed == placed.parsed and again.headers["Idempotency-Replayed"] == "true"
    order_id = placed.parsed.aggregate_id
    paying = ada.orders.post_payments(order_id, body=schemas.PaymentDecision(), if_match=placed.headers["ETag"])
    command_id = paying.headers["Location"].rpartition("/")[2]
    assert ada.commands.get_command_status(UUID(command_id)).parsed.state == schemas.OutcomeState.RUNNING
    run_sagas_until_idle(InMemoryGateway())
    outcome = ada.commands.get_command_status(UUID(command_id), prefer="wait=5").parsed
    assert (outcome.state, outcome.ended_by) == (schemas.OutcomeState.SUCCEEDED, "PaymentProcessed")
    update_read_models()
    order = ada.orders.get_order_summary(order_id)
    assert (order.parsed.status, order.parsed.total.amount) == (schemas.OrderSummaryStatus.SHIPPED, "25.00")
    shop.orders.post_deliveries(order_id, body=schemas.Delivery(received_by="Ada"), if_match=order.headers["ETag"])
    with pytest.raises(ApiProblem) as lost:
        ada.orders.post_returns(order_id, body=new_return(1), if_match=order.headers["ETag"])
    assert (lost.value.problem.code, lost.value.problem.version) == ("wrong-expected-version", 5)
    ada.orders.post_returns(order_id, body=new_return(1), if_match='"5"')
    events = ada.orders.list_order_events(order_id).parsed.results
    assert [event.type_ for event in events[-3:]] == ["OrderShipped", "OrderDelivered", "ReturnRequested"]
    assert events[0].data["delivery_name"] == "Ada Marker"  # personal data of the caller herself
    with pytest.raises(ApiProblem) as refused:
        ada.orders.post_cancellations(order_id, body=schemas.Cancellation(reason="no"), if_match="*")
    assert refused.value.problem.code == "invalid-order-state"


def new_return(pieces: int) -> Any:
    schemas = models()
    return schemas.Return(lines=[schemas.ReturnLine(line=1, quantity=pieces)], reason="chipped")


def test_what_does_not_fit_is_pointed_at(ada: Api) -> None:
    wrong = new_order(2)
    wrong.lines[0].quantity = 0
    with pytest.raises(ApiProblem) as refused:
        ada.orders.post_orders(body=wrong)
    [misfit] = refused.value.problem.errors
    assert (refused.value.problem.code, misfit.pointer) == ("invalid-body", "/lines/0/quantity")


def test_lists_are_read_page_by_page_and_as_fresh_as_asked(ada: Api) -> None:
    schemas = models()
    placed = [ada.orders.post_orders(body=new_order(pieces)) for pieces in (1, 2, 3)]
    update_read_models()
    rows: list[Any] = []
    further: dict[str, str] = {}
    while True:
        page = ada.orders.list_orders(
            limit=2,
            **further,
            ordering=schemas.ListOrdersOrdering.CREATED_AT,
            fields="order_id,units",
            consistency_token=placed[-1].headers["Consistency-Token"],
        )
        assert page.headers["Consistency"] == "current"
        rows += [(row.order_id, row.units) for row in page.parsed.results]
        if page.parsed.next_cursor is None:
            break
        further = {"cursor": page.parsed.next_cursor}
    assert rows == [(answer.parsed.aggregate_id, pieces) for answer, pieces in zip(placed, (1, 2, 3), strict=True)]


def test_a_consent_is_given_and_taken_back(ada: Api) -> None:
    schemas, me = models(), ada.about.get_root().parsed.person_id
    notice = schemas.ConsentGrant(notice=current_notice(datetime.now(UTC)).version)
    granted = ada.people.put_consent(me, "DirectMarketing", body=notice, if_match='"1"')
    update_read_models()
    [consent] = [row for row in ada.consents.list_consent_register().parsed.results if row.purpose == "DirectMarketing"]
    assert consent.status == schemas.ConsentRegisterStatus.CONSENTGIVEN
    ada.people.delete_consent(me, "DirectMarketing", if_match=granted.headers["ETag"])
    update_read_models()
    [consent] = [row for row in ada.consents.list_consent_register().parsed.results if row.purpose == "DirectMarketing"]
    assert consent.status == schemas.ConsentRegisterStatus.CONSENTWITHDRAWN


def test_a_trade_is_submitted_within_limits_filled_and_becomes_a_position(ada: Api, clerk: Callable[..., Api]) -> None:
    permissions = ("view_tradeblotter", "view_tradingaccount", "open_account", "set_limit", "fill_trade")
    schemas, desk = models(), clerk(*permissions)
    me = ada.about.get_root().parsed.person_id
    account = schemas.NewAccount(reference="Ada", currency="EUR", gross_limit="5000", owner_id=me)
    opened = desk.accounts.post_accounts(body=account)
    account_id = opened.parsed.aggregate_id
    desk.accounts.post_account_limits(
        account_id, body=schemas.AccountLimit(limit="2500", instrument="XETRA/SAP"), if_match=opened.headers["ETag"]
    )
    new_trade = schemas.NewTrade(
        account_id=account_id,
        instrument="XETRA/SAP",
        side=schemas.Side.BUY,
        type_=schemas.OrderType.LIMIT,
        quantity="10",
        limit_price="200.00",
    )
    trade = ada.trades.post_trades(body=new_trade)
    assert [frozen.trade_id for frozen in ada.accounts.get_account(account_id).parsed.frozen] == [
        trade.parsed.aggregate_id
    ]
    with pytest.raises(ApiProblem) as refused:
        ada.trades.post_trades(body=new_trade)
    assert refused.value.problem.code == "limit-exceeded"
    fill = schemas.Fill(venue_trade_id="V-1", price="199.98", quantity="10", at=datetime(2026, 1, 30, 12, tzinfo=UTC))
    desk.trades.post_trade_fills(
        trade.parsed.aggregate_id, body=schemas.FillReport(fills=[fill]), if_match=trade.headers["ETag"]
    )
    update_read_models()
    [position] = ada.positions.list_position(account_id=[account_id]).parsed.results
    assert (Decimal(position.quantity), Decimal(position.average_cost.amount)) == (Decimal(10), Decimal("199.98"))


@pytest.fixture
def hook_receiver() -> Iterator[Receiver]:
    with run_receiver() as server, override_settings(WEBHOOKS_TO_PRIVATE=True):
        yield server


def test_an_integrator_subscribes_follows_the_feed_and_leaves(
    ada: Api, clerk: Callable[..., Api], hook_receiver: Receiver
) -> None:
    schemas, program = models(), clerk("view_storedevent", "add_webhookendpoint")
    created = program.webhooks.post_webhooks(body=schemas.NewWebhook(url=hook_receiver.url, types=["OrderCreated"]))
    hook = created.parsed.id
    order_id = ada.orders.post_orders(body=new_order(1)).parsed.aggregate_id
    send_webhooks()
    message = schemas.WebhookMessage.from_dict(
        Webhook(created.parsed.secret).verify(hook_receiver.requests[0].body, hook_receiver.requests[0].headers)
    )
    assert (message.type_, message.data.aggregate_id) == ("OrderCreated", order_id)
    [delivery] = program.webhooks.list_webhook_deliveries(hook).parsed.results
    assert (delivery.state, [attempt.status for attempt in delivery.attempts]) == ("delivered", [204])
    program.webhooks.post_webhook_resending(hook, delivery.id)
    send_webhooks()
    assert len(hook_receiver.requests) == 2
    changed = schemas.WebhookUpdate(url=hook_receiver.url, types=[], active=False)
    off = program.webhooks.put_webhook(hook, body=changed, if_match=created.headers["ETag"])
    program.webhooks.delete_webhook(hook, if_match=off.headers["ETag"])
    assert program.webhooks.list_webhooks().parsed.results == []
    page = program.events.get_feed(limit=1).parsed
    feed = [*page.results]
    while page.more:
        page = program.events.get_feed(after=page.cursor, limit=1).parsed
        feed += page.results
    assert feed[-1].aggregate_id == order_id and feed[-1].data["delivery_name"] is None
