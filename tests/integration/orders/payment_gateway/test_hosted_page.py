"""The shop's side of the hosted card page."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from pytest_django import Settings

from eventshop.core.errors import InvalidMoney
from eventshop.core.money import Money
from orders.application.payment_gateway_port import Declined, Succeeded
from orders.models import Payment
from orders.payment_gateway.errors import GatewayNotConfigured, GatewayUnreachable
from orders.payment_gateway.factory import payment_gateway
from orders.payment_gateway.hosted_page import TOKEN, create_session
from tests.support.gateway_process import GatewayProcess, running_gateway, take_payments_at
from tests.support.sales import gbp
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

ORDER = UUID("00000000-0000-4000-8000-00000000000d")
SHOP = "http://127.0.0.1:8000"


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path, "--shop", SHOP) as process, take_payments_at(process, settings):
        yield process


def page_for(amount: Money, return_url: str = f"{SHOP}/orders/7") -> str:
    return create_session(
        order_id=ORDER, reference="A-1", amount=amount, return_url=return_url, cancel_url=f"{SHOP}/orders/7"
    )


def enter_card(url: str, number: str) -> str:
    """Enter a card on the page; gives the token with which the customer comes back."""
    card = {"number": number, "expiry": "09/31", "cvc": "123"}
    answer = httpx.post(url, data=card, trust_env=False, timeout=DEADLINE_S)
    assert answer.headers["location"].startswith(SHOP)
    [token] = parse_qs(urlsplit(answer.headers["location"]).query)[TOKEN]
    return token


def test_a_card_that_was_entered_there_is_charged_once(process: GatewayProcess) -> None:
    url = page_for(gbp("9.00"))
    assert url.startswith(f"{process.url}/")
    token, key, gateway = enter_card(url, "4242424242424242"), uuid4(), payment_gateway()
    assert not Payment.objects.exists(), "nothing is taken on the page"

    def pay(key: UUID) -> object:
        return gateway.charge(key=key, amount=gbp("9.00"), order_id=ORDER, method="card", token=token)

    first = pay(key)
    assert isinstance(first, Succeeded) and first.method == "card" and pay(key) == first
    assert isinstance(pay(uuid4()), Declined)
    assert Payment.objects.get(key=key).token == token


def test_an_amount_that_cannot_be_paid_gets_no_page(process: GatewayProcess) -> None:
    for amount, currency in (("100.50", "JPY"), ("0", "GBP"), ("9.00", "ZZZ")):
        with pytest.raises(InvalidMoney):
            page_for(Money(Decimal(amount), currency))


def test_a_page_never_leads_to_another_site(process: GatewayProcess) -> None:
    with pytest.raises(GatewayUnreachable, match="must be at the shop"):
        page_for(gbp("9.00"), return_url="https://evil.example/")


def test_a_page_at_another_host_is_not_believed(process: GatewayProcess, settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_PAGE_ORIGIN = "https://pay.example"
    with pytest.raises(GatewayUnreachable, match=r"is not at https://pay\.example"):
        page_for(gbp("9.00"))


def test_a_gateway_that_is_down_is_told(process: GatewayProcess) -> None:
    process.kill()
    with pytest.raises(GatewayUnreachable):
        page_for(gbp("9.00"))


def test_without_a_gateway_there_is_no_page(settings: Settings) -> None:
    settings.PAYMENT_GATEWAY_URL = ""
    with pytest.raises(GatewayNotConfigured):
        page_for(gbp("9.00"))
