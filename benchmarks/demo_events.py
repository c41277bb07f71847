"""Events in the proportions of the demo data, for the measurements of all read models at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from django.core.management import call_command

from eventshop.eventstore.command_dispatcher import send_many
from eventshop.eventstore.tail_reader import newest_position
from orders.demo.order_script import add_envelopes
from orders.demo.orders import order_steps

#: Orders decided in one transaction.
ORDERS_PER_BATCH = 500


def write_demo(*, orders: int) -> dict[str, float]:
    """Write the demo data, then more orders of the same kind. A position may be missing, so events are not counted."""
    call_command("seed_demo")
    chance, placed_at = Random(2), datetime.now(UTC) - timedelta(days=60)
    for start in range(0, orders, ORDERS_PER_BATCH):
        steps = [
            step
            for number in range(start, min(orders, start + ORDERS_PER_BATCH))
            for step in order_steps(chance, f"B-{number}", placed_at)
        ]
        send_many(list(add_envelopes(steps)))
    return {"position": newest_position()}
