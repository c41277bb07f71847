"""A shop with data of every kind, and a user with all permissions."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User as Login
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore import command_dispatcher
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from orders.domain.commands import CreateOrder, ReceiveStock
from orders.models import Product
from tests.support.customers import sign_up
from tests.support.order_payments import pay_order
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.application.accounts import person_of

ACCOUNT, TRADE = derive_id("test-account", "owner"), derive_id("test-trade", "T-1")
WEBHOOK, DELIVERY = derive_id("test-webhook", "1"), derive_id("test-delivery", "1")


def populate_shop() -> Login:
    """Create products, orders, a trade and a webhook; returns a customer who is also a superuser."""
    login = sign_up()
    login.is_staff = login.is_superuser = True
    login.save()
    person = person_of(login)
    Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
    command_dispatcher.send(ReceiveStock("MUG", 500, "D-1"))
    for sale in (Sale(1), Sale(2)):
        command_dispatcher.send(
            CreateOrder(sale.order_id, sale.reference, person, sale.lines, delivery_name="Ada Marker")
        )
        pay_order(sale.order_id)
    command_dispatcher.send(OpenAccount(ACCOUNT, "Ada", person, "EUR", Decimal(10_000)))
    submit_trade("T-1", ordered="10", code="XETRA/SAP", account=ACCOUNT)
    webhook = WebhookEndpoint.objects.create(id=WEBHOOK, owner=login, url="https://192.0.2.1/", active=False)
    WebhookDelivery.objects.create(id=DELIVERY, endpoint=webhook, position=1, event_type="X", due_at=timezone.now())
    update_read_models()
    return login


def known_ids() -> dict[str, str]:
    """Values for the path parameters of the API. `key` can be the id of an order, person or trade; here an order."""
    return {
        "path.order_id": str(Sale(1).order_id),
        "path.aggregate_id": str(Sale(1).order_id),
        "path.key": str(Sale(1).order_id),
        "path.trade_id": str(TRADE),
        "path.account_id": str(ACCOUNT),
        "path.webhook_id": str(WEBHOOK),
        "path.delivery_id": str(DELIVERY),
        "path.reference": "R-1",
        "path.sku": "MUG",
        "path.venue": "XETRA",
        "path.symbol": "SAP",
        "path.term": "DirectMarketing",
        "path.person_id": str(person_of(Login.objects.get())),
    }
