"""A client process, configured by its environment: python -m tests.support.kafka.order_client COUNT | check."""

from __future__ import annotations

import sys

import django


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


def check() -> None:
    """Assert that every read model equals the fold of all events."""
    from tests.support.kafka.read_models import assert_read_models_equal_fold

    assert_read_models_equal_fold()
    sys.stdout.write("the fold\n")


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "check":
        check()
    else:
        order(int(sys.argv[1]))
