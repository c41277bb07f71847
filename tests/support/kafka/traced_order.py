"""Prepares a shop for an order that is followed: a product in stock, a customer, and a webhook to the URL given.

A process of its own, configured by its environment; prints the customer's token.
"""

from __future__ import annotations

import sys
from decimal import Decimal

import django

if __name__ == "__main__":
    django.setup()
    from eventshop.eventstore.command_dispatcher import send
    from eventshop.eventstore.models import StoredEvent
    from eventshop.web.models import WebhookEndpoint
    from orders.domain.commands import ReceiveStock
    from orders.models import Product
    from tests.support.api_clients import staff, token_of
    from tests.support.customers import sign_up

    Product.objects.create(sku="TRACED", name="Mug", price=Decimal("12.50"))
    send(ReceiveStock("TRACED", 5, "first"))
    newest = StoredEvent.objects.latest("position").position
    WebhookEndpoint.objects.create(
        owner=staff("hooked", "view_storedevent"), url=sys.argv[1], types="OrderShipped", cursor=newest
    )
    sys.stdout.write(token_of(sign_up("ada@example.org")))
