"""The hosted card page, over HTTP: a customer enters a card there and comes back with a token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.gateway.behaviours import TEST_CARDS
from deploy.gateway.page import check_card
from eventshop.core.money import Money
from orders.application.payment_gateway_port import Declined, Outcome, Succeeded
from orders.payment_gateway.client import HttpGateway
from tests.support.gateway_process import SECRET, GatewayProcess, running_gateway
from tests.support.sales import gbp
from tests.support.waiting import DEADLINE_S

ORDER = UUID("00000000-0000-4000-8000-00000000000d")
SHOP = "https://shop.example"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(tmp_path_factory.mktemp("gateway"), "--shop", SHOP) as process:
        yield process


@pytest.fixture
def gateway(process: GatewayProcess) -> Iterator[HttpGateway]:
    made = HttpGateway(process.url, SECRET, report=print, connect_s=DEADLINE_S, response_s=DEADLINE_S)
    yield made
    made.close()


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=DEADLINE_S) as client:
        yield client


def card_page(gateway: HttpGateway, amount: int = 900, currency: str = "GBP") -> str:
    """Create a card page; gives its URL."""
    return gateway.create_session(
        {
            "amount": amount,
            "currency": currency,
            "order_id": str(ORDER),
            "reference": "A-<1>",
            "method": "card",
            "return_url": f"{SHOP}/orders/7?tab=pay",
            "cancel_url": f"{SHOP}/orders/7",
        }
    ).url


def card(number: str = "4242 4242 4242 4242", expiry: str = "09/31", cvc: str = "123") -> dict[str, str]:
    return {"number": number, "expiry": expiry, "cvc": cvc}


def pay(gateway: HttpGateway, token: str, amount: Money | None = None) -> Outcome:
    return gateway.charge(key=uuid4(), amount=amount or gbp("9.00"), order_id=ORDER, method="card", token=token)


def test_the_page_says_what_is_paid_and_lists_the_test_cards(gateway: HttpGateway, browser: httpx.Client) -> None:
    page = browser.get(card_page(gateway, 500, "XOF"))
    assert page.status_code == 200 and "Pay 500 XOF" in page.text and "A-&lt;1&gt;" in page.text
    assert all(f"?number={number}" in page.text for number in TEST_CARDS)
    assert f'href="{SHOP}/orders/7"' in page.text
    for name in ("number", "expiry", "cvc"):
        assert f'<label for="{name}">' in page.text and f'id="{name}"' in page.text
    assert "<script" not in page.text and "http://" not in page.text.replace(SHOP, "")
    assert page.headers["cache-control"] == "no-store"
    assert f"form-action 'self' {SHOP}" in page.headers["content-security-policy"]


def test_a_test_card_fills_in_the_form(gateway: HttpGateway, browser: httpx.Client) -> None:
    page = browser.get(f"{card_page(gateway)}?number=4000000000000010")
    assert 'value="4000000000000010"' in page.text


def test_the_customer_comes_back_with_a_token_that_pays_once(gateway: HttpGateway, browser: httpx.Client) -> None:
    url = card_page(gateway)
    answer = browser.post(url, data=card())
    target = urlsplit(answer.headers["location"])
    assert answer.status_code == 303 and f"{target.scheme}://{target.netloc}{target.path}" == f"{SHOP}/orders/7"
    query = parse_qs(target.query)
    assert query["tab"] == ["pay"]
    [token] = query["token"]
    assert browser.post(url, data=card()).headers["location"] == answer.headers["location"], "a double click"
    assert isinstance(pay(gateway, token), Succeeded)
    assert isinstance(pay(gateway, token), Declined)


def test_a_card_that_is_declined_is_declined_when_it_is_charged(gateway: HttpGateway, browser: httpx.Client) -> None:
    answer = browser.post(card_page(gateway), data=card("4000000000000010"))
    outcome = pay(gateway, answer.headers["location"].partition("token=")[2])
    assert isinstance(outcome, Declined) and outcome.reason == "insufficient funds"


def test_a_card_that_cannot_be_right_is_told_on_the_page(gateway: HttpGateway, browser: httpx.Client) -> None:
    url = card_page(gateway)
    answer = browser.post(url, data=card("4242 4242 4242 4241", "13/31", "1"))
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 3 and 'value="4242 4242 4242 4241"' in answer.text
    assert browser.post(url, data=card()).status_code == 303


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (card("4242424242424241"), {"number"}),
        (card("5555555555554444"), {"number"}),
        (card(""), {"number"}),
        (card("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"), {"number"}),
        (card(expiry="10/26"), {"expiry"}),
        (card(expiry="00/31"), {"expiry"}),
        (card(expiry="9/31"), {"expiry"}),
        (card(cvc="12"), {"cvc"}),
        (card(cvc="12345"), {"cvc"}),
        ({}, {"number", "expiry", "cvc"}),
        (card(expiry="11/26"), set()),
        (card("4242-4242-4242-4242", "09 / 2031", "1234"), set()),
    ],
)
def test_a_card_is_checked_as_real_pages_do(form: dict[str, str], wrong: set[str]) -> None:
    behaviour, errors = check_card(form, NOW)
    assert set(errors) == wrong and (behaviour is None) == bool(wrong)


def test_an_unknown_page_says_so(process: GatewayProcess, browser: httpx.Client) -> None:
    for answer in (browser.get(f"{process.url}/pay/cs_1"), browser.post(f"{process.url}/pay/cs_1", data=card())):
        assert answer.status_code == 404 and "Nothing was paid" in answer.text


def test_only_the_shop_creates_pages(process: GatewayProcess, browser: httpx.Client) -> None:
    assert browser.post(f"{process.url}/v1/sessions", json={}).status_code == 401


def test_the_index_lists_behaviours_and_payments(
    gateway: HttpGateway, process: GatewayProcess, browser: httpx.Client
) -> None:
    gateway.charge(key=uuid4(), amount=Money(gbp("500").amount, "XOF"), order_id=ORDER, method="a<b")
    text = browser.get(process.url).text
    assert "4000 0000 0000 0218" in text and "500 XOF" in text and "a&lt;b" in text and "unknown method" in text


def test_a_gateway_that_knows_no_shop_gives_no_page(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as process:
        answer = httpx.post(
            f"{process.url}/v1/sessions",
            headers={"Authorization": f"Bearer {SECRET}"},
            json={"amount": 1, "currency": "GBP", "order_id": str(ORDER), "reference": "1", "return_url": SHOP},
            trust_env=False,
            timeout=DEADLINE_S,
        )
    assert answer.status_code == 400 and "--webhook" in answer.json()["error"]
