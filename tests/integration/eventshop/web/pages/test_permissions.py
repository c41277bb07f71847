"""Page permissions: every path outside the admin is listed here and requested by everybody who is not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.contrib.auth.models import User as Login
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from orders.domain.commands import CreateOrder, RecordObservedPayment
from tests.support.customers import EMAIL, PASSWORD, sign_in_customer
from tests.support.sales import Sale
from tests.support.trader import BTC, open_account
from trading.domain.commands import SubmitTrade
from trading.domain.events import OrderType, Side
from trading.domain.instruments import get_instrument

pytestmark = pytest.mark.usefixtures("clean_database")

#: Public pages without personal data.
PUBLIC = {
    "",
    "status/",
    "problems/",
    "problems/<slug:code>",
    "healthz",
    "readyz",
    "privacy/",
    "privacy/<str:version>/",
    "shop/",
    "shop/<code:sku>/",
    "basket/",
    "basket/<code:sku>/",
    "account/sign-up/",
    "account/sign-in/",
    "account/sign-out/",
    "account/reset/",
}
#: Pages for whoever has the link, which is encrypted and expires; damaged links are tested with the pages.
BY_LINK = {
    "account/sign-up/<str:token>/",
    "account/reset/<str:token>/",
    "erasure/<str:token>/",
    "erasure/<str:token>/certificate.pdf",
    "newsletter/<str:token>/",
}
#: Pages for every signed-in user, customer or not.
SIGNED_IN = {
    "account/password/",
    "account/join/",
    "account/sessions/",
    "account/sessions/end/",
    "account/sessions/<int:session_id>/end/",
    "account/tokens/",
    "account/tokens/<int:token_id>/revoke/",
    "account/second-factor/",
    "account/second-factor/check/",
    "account/second-factor/app/",
    "account/second-factor/passkey/",
}
#: A customer's own pages: the path contains no id, so nobody else's can be requested.
OWN = {
    "checkout/",
    "suggestions/",
    "orders/",
    "trading/",
    "trading/positions/",
    "trading/accounts/",
    "trading/ticket/",
    "my/",
    "my/consents/",
    "my/details/",
    "my/details/address/<str:token>/",
    "my/restriction/",
    "my/log/",
    "my/data/",
    "my/data.json",
    "my/erasure/",
    "my/erasure/stay/",
    "my/erasure/categories/",
    "my/consents/<str:term>/choice/",
    "my/consents/<int:version>/receipt/",
    "my/consents/<int:version>/receipt.json",
}
#: Pages of an order or a trade: another customer gets a 404.
ORDER = {
    "trading/trades/<uuid:trade_id>/",
    "trading/trades/<uuid:trade_id>/cancel/",
    "orders/<uuid:order_id>/",
    "orders/<uuid:order_id>/pay/",
    "orders/<uuid:order_id>/card/<uuid:form_id>/",
    "orders/<uuid:order_id>/credit-notes/<int:number>/",
    "orders/<uuid:order_id>/credit-notes/<int:number>.pdf",
    "orders/<uuid:order_id>/invoice/",
    "orders/<uuid:order_id>/invoice.pdf",
    "orders/<uuid:order_id>/cancel/",
    "orders/<uuid:order_id>/return/",
}
#: Paths for API clients, staff and live updates, which have their own tests.
ELSEWHERE = ("live/", "account/second-factor/passkeys/", "admin/", "payments/", "api/", "metrics")


def url_paths(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield path
        elif not path.startswith(ELSEWHERE):
            yield from url_paths(entry, path)


def fill_path(path: str, order_id: UUID) -> str:
    values = {
        "<uuid:order_id>": str(order_id),
        "<uuid:trade_id>": str(derive_id("test-trade", order_id)),
        "<uuid:form_id>": str(order_id),
        "<int:number>": "1",
        "<int:version>": "2",
        "<int:token_id>": "1",
        "<int:session_id>": "1",
        "<str:term>": "DirectMarketing",
        "<slug:code>": "not-found",
    }
    for name, value in values.items():
        path = path.replace(name, value)
    return f"/{path}"


@pytest.fixture
def order_id() -> UUID:
    """A paid order and a trade of another customer."""
    _, owner = sign_in_customer()
    sale = Sale(1, customer_id=owner)
    command_dispatcher.send(CreateOrder(sale.order_id, sale.reference, owner, sale.lines, delivery_name="Ada Marker"))
    command_dispatcher.send(RecordObservedPayment(sale.order_id, sale.total, "card"))
    account_id = open_account(owner)
    terms = get_instrument(BTC)
    trade_id = derive_id("test-trade", sale.order_id)
    command_dispatcher.send(SubmitTrade(trade_id, "T-1", account_id, terms, Side.BUY, OrderType.MARKET, Decimal(1)))
    return sale.order_id


def staff(*permissions: str) -> Client:
    login = Login.objects.create_user(f"clerk-{len(permissions)}", password=PASSWORD, is_staff=True)
    login.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(login)
    return client


def test_every_address_is_named_here() -> None:
    paths = {path for path in url_paths(get_resolver()) if not path.startswith(ELSEWHERE)}
    assert paths == PUBLIC | BY_LINK | SIGNED_IN | OWN | ORDER


def test_strangers_are_led_to_the_sign_in(order_id: UUID) -> None:
    for path in SIGNED_IN | OWN | ORDER:
        answer = Client().get(fill_path(path, order_id), follow=True)
        assert not answer.redirect_chain or answer.redirect_chain[-1][0].startswith("/account/sign-in/?next="), path
        assert answer.status_code == (200 if answer.redirect_chain else 405), path
        answer = Client().post(fill_path(path, order_id))
        assert answer.status_code == 405 or answer.headers["Location"].startswith("/account/sign-in/?next="), path


def test_another_customer_finds_nothing_of_the_owner(order_id: UUID) -> None:
    other, _ = sign_in_customer("bob@example.org", "Bob")
    for path in ORDER:
        for method in ("get", "post"):
            form = {"form_id": str(new_id()), "reason": "I changed my mind"}
            assert getattr(other, method)(fill_path(path, order_id), form).status_code in (404, 405), (method, path)
    for path in OWN:
        text = other.get(fill_path(path, order_id)).content.decode()
        assert EMAIL not in text and "Ada" not in text, path


#: Permissions of staff on other people's orders and trades in the admin.
DUTIES = ("view_ordersummary", "cancel_order", "view_userprofile", "view_tradeblotter", "submit_trade", "cancel_trade")


@pytest.mark.parametrize("permissions", [(), DUTIES])
def test_staff_are_no_customers_whatever_they_may_in_the_admin(order_id: UUID, permissions: tuple[str, ...]) -> None:
    client = staff(*permissions)
    for path in OWN | ORDER:
        answer = client.get(fill_path(path, order_id), follow=True)
        assert answer.redirect_chain[-1][0] == "/account/join/", path
    for path in SIGNED_IN | (PUBLIC - {"shop/<code:sku>/", "basket/<code:sku>/", "privacy/<str:version>/"}):
        assert client.get(fill_path(path, order_id)).status_code in (200, 302, 405), path


def test_public_pages_show_nothing_of_anybody(order_id: UUID) -> None:
    for path in PUBLIC:
        text = Client().get(fill_path(path, order_id)).content.decode()
        assert EMAIL not in text and str(order_id) not in text, path


#: Percent-encoded, as in a URL.
NONSENSE = ("%00", "%C3%BC", "..%2F..", "%F0%9F%98%80", "'--", "99999999999999999999", "a" * 2_000)
FIELDS = ("form_id", "answer", "notice", "quantity", "total", "email", "name", "password", "username", "reason")
TICKET = ("account", "instrument", "side", "type", "limit_price", "seen", "place")
LISTS = (
    "shop/?q",
    "shop/?page",
    "orders/?page",
    *(f"trading/?{parameter}" for parameter in ("page", "account", "status", "side")),
)


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_in_addresses_and_fields_is_never_a_server_error(nonsense: str) -> None:
    client, _ = sign_in_customer()
    client.raise_request_exception = False
    kinds = r"<(str|int|code|uuid):\w+>"
    paths = [f"/{re.sub(kinds, nonsense, path)}" for path in PUBLIC | BY_LINK | OWN | ORDER]
    for path in [*paths, *(f"/{listed}={nonsense}" for listed in LISTS)]:
        assert client.get(path).status_code < 500, path
    for path in paths:
        if "sign-out" not in path:
            assert client.post(path, dict.fromkeys(FIELDS + TICKET, unquote(nonsense))).status_code < 500, path
