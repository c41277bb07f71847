"""The refunds of an order. Each has a credit note: a document with a number of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventshop.core.messages import RecordedEvent
from eventshop.core.money import Money
from orders.domain.events import (
    ItemsReturned,
    LineAmount,
    OrderCancelled,
    OrderEvent,
    PaymentRefunded,
    ReturnReversed,
)
from orders.domain.payments import PaymentState


class RefundedItem(NamedTuple):
    """A quantity of an order line that a refund is for, and its price."""

    name: str
    sku: str
    quantity: int
    amount: Money


class Refund(NamedTuple):
    """One refund. `number` counts the refunds of the order from 1; `reference` is the number of its credit note."""

    number: int
    reference: str
    amount: Money
    reason: str
    refunded_at: datetime
    method: str
    items: tuple[RefundedItem, ...]
    return_reference: str  # of the return or cancelled order that it is for
    event_id: UUID


def collect_refunds(
    order_reference: str,
    events: Iterable[RecordedEvent[OrderEvent]],
    payments: Iterable[PaymentState],
    line_names: Mapping[int, str],
) -> list[Refund]:
    """The refunds of an order, the oldest first."""
    methods = {payment.payment_id: payment.method for payment in payments}
    lines_by_reference: dict[str, tuple[LineAmount, ...]] = {}
    refunds: list[Refund] = []
    number = 0
    for recorded in events:
        match recorded.event:
            case ItemsReturned(reference=reference, lines=lines) | OrderCancelled(reference=reference, lines=lines):
                lines_by_reference[reference] = lines
            case PaymentRefunded(reference=reference, payment_id=payment_id) as event:
                number += 1
                refunds.append(
                    Refund(
                        number=number,
                        reference=f"{order_reference}-G{number}",
                        amount=event.amount,
                        reason=str(event.reason),
                        refunded_at=event.refunded_at or recorded.meta.occurred_at,
                        method=methods.get(payment_id, "") if payment_id else "",
                        items=tuple(
                            RefundedItem(line_names[line.line], line.sku, line.quantity, line.amount)
                            for line in lines_by_reference.get(reference, ())
                        ),
                        return_reference=reference,
                        event_id=recorded.meta.event_id,
                    )
                )
            case ReturnReversed(reference=reference, refunded=amount):
                wrong = [one for one in refunds if (one.return_reference, one.amount) == (reference, amount)]
                refunds = [one for one in refunds if one not in wrong[-1:]]  # the others keep their numbers
            case _:
                pass
    return refunds
