"""A client process, set up by its environment: a number of orders, `fulfil 10`, `write-off 10`, `check` or `token`."""

from __future__ import annotations

import sys

import django

from eventshop.runtime.metrics_server import serve_metrics


def order(count: int) -> None:
    """Send commands; fail if one is refused."""
    from eventshop.core.messages import new_id
    from eventshop.eventstore.command_dispatcher import send
    from orders.domain.commands import CreateOrder, RecordObservedPayment
    from tests.support.sales import gbp, line

    for number in range(count):
        order_id = new_id()
        send(
            CreateOrder(order_id=order_id, reference=f"N{number}", customer_id=None, lines=(line("SKU", 2, gbp("3")),))
        )
        send(RecordObservedPayment(order_id=order_id, amount=gbp("6"), method="card"))
    sys.stdout.write(f"{count} accepted\n")


def fulfil(count: int) -> None:
    """Send commands of orders that the sagas reserve, have paid by the gateway, and ship."""
    from eventshop.core.messages import new_id
    from eventshop.eventstore.command_dispatcher import send
    from orders.domain.commands import CreateOrder, ReceiveStock, RequestPayment
    from tests.support.sales import gbp, line

    send(ReceiveStock("FULFIL", 2 * count, "delivery"))
    for number in range(count):
        order_id = new_id()
        send(CreateOrder(order_id, f"F{number}", None, (line("FULFIL", 2, gbp("3")),)))
        send(RequestPayment(order_id, "card"))
    sys.stdout.write(f"{count} to be fulfilled\n")


def write_off(count: int) -> None:
    """Deliver as many products, write one unit off, which is the type that an older release lacks, and deliver more."""
    from eventshop.core.messages import new_id
    from eventshop.eventstore.command_dispatcher import send
    from orders.domain.commands import ReceiveStock, WriteOffStock

    for _ in range(count):
        sku = f"NEW-{new_id()}"
        send(ReceiveStock(sku, 5, "first"))
        send(WriteOffStock(sku, 1, "broken", "second"))
        send(ReceiveStock(sku, 2, "third"))
    sys.stdout.write(f"{count} written off\n")


def check() -> None:
    """Assert that every read model equals the fold of all events."""
    from tests.support.kafka.read_models import assert_read_models_equal_fold

    assert_read_models_equal_fold()
    sys.stdout.write("the fold\n")


def token() -> None:
    """Put a product on the price list, and print the API token of a new customer."""
    from decimal import Decimal

    from orders.models import Product
    from tests.support.api_clients import token_of
    from tests.support.customers import sign_up

    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    sys.stdout.write(token_of(sign_up("load@example.org")))


if __name__ == "__main__":
    django.setup()
    serve_metrics()  # if METRICS_PORT says where
    if sys.argv[1] == "token":
        token()
    elif sys.argv[1] == "check":
        check()
    elif sys.argv[1] == "fulfil":
        fulfil(int(sys.argv[2]))
    elif sys.argv[1] == "write-off":
        write_off(int(sys.argv[2]))
    else:
        order(int(sys.argv[1]))
