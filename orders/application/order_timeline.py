"""An order as its customer sees it: how far it is, and what happened, in words; straight from its events."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, assert_never
from uuid import UUID

from django.http import HttpRequest

from eventshop.core.messages import Recorded
from eventshop.core.money import Money, total
from eventshop.eventstore.event_store import store
from eventshop.web.live.subscriptions import Source, versions
from eventshop.web.pages.timeline import Chapter, chapters
from eventshop.web.shared import customer_port
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEvent,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
)
from orders.domain.order import Order, Status

#: What a state means to the customer, and its colour.
STATES: Final = {
    Status.CREATED: ("We are taking the payment", "info"),
    Status.PAID: ("Paid, being packed", "info"),
    Status.SHIPPED: ("On its way", "info"),
    Status.DELIVERED: ("Delivered", "good"),
    Status.CANCELLED: ("Cancelled", "bad"),
    Status.CREDITED: ("Credit note", "good"),
    Status.PENDING: ("Being processed", "info"),
}
#: Nothing happens by itself any more.
FINAL: Final = (Status.DELIVERED, Status.CANCELLED, Status.CREDITED)


class Placed(NamedTuple):
    """One order: its events, and what they come to."""

    id: UUID
    events: list[Recorded[OrderEvent]]
    state: Order
    opened: OrderCreated | CreditNoteIssued

    @property
    def at(self) -> datetime:
        return self.events[0].meta.occurred_at

    @property
    def version(self) -> int:
        return self.events[-1].meta.version

    @property
    def label(self) -> str:
        return STATES[self.state.status][0]

    @property
    def tone(self) -> str:
        return STATES[self.state.status][1]

    @property
    def moving(self) -> bool:
        """Whether more is going to happen by itself."""
        return self.state.status not in FINAL

    @property
    def can_cancel(self) -> bool:
        return self.state.status in (Status.CREATED, Status.PAID)

    @property
    def can_return(self) -> bool:
        return self.state.status in (Status.SHIPPED, Status.DELIVERED) and bool(self.state.kept)

    @property
    def story(self) -> list[Chapter]:
        return chapters(reversed(self.events), told)

    @property
    def destination(self) -> str:
        """Name and address of the parcel, as text of several lines."""
        if isinstance(self.opened, CreditNoteIssued):
            return ""
        return "\n".join(filter(None, (str(self.opened.delivery_name), str(self.opened.delivery_address))))

    @property
    def paid_at(self) -> datetime | None:
        return next((it.meta.occurred_at for it in self.events if isinstance(it.event, PaymentProcessed)), None)

    @property
    def refunded(self) -> Money:
        amounts = (it.event.amount for it in self.events if isinstance(it.event, PaymentRefunded))
        return total(amounts, currency=self.opened.total.currency)

    @property
    def names(self) -> dict[int, str]:
        return {number: line.description or line.sku for number, line in enumerate(self.opened.lines, start=1)}


def placed(order_id: UUID, customer: UUID) -> Placed | None:
    """An order of this customer; None for anybody else's, as for none."""
    events = store.get_events(order_id)
    if not events or not isinstance(events[0].event, OrderCreated | CreditNoteIssued):
        return None
    opened = events[0].event
    if opened.customer_id != customer:
        return None
    return Placed(order_id, events, Order().evolve_all(it.event for it in events), opened)


def _may_follow(request: HttpRequest, order_id: UUID) -> bool:
    person = customer_port.registered().person_of(request.user)
    return person is not None and placed(order_id, person) is not None


#: The order's page follows its stream.
followed: Final = Source("order", _may_follow, versions)


def told(event: OrderEvent) -> tuple[str, str]:
    """One sentence, and its tone: done, bad or nothing."""
    match event:
        case OrderCreated(total=due):
            return f"You ordered for {money(due)}.", "done"
        case PaymentRequested(amount=amount):
            return f"We asked for your payment of {money(amount)}.", ""
        case PaymentProcessed(amount=amount):
            return f"You paid {money(amount)}.", "done"
        case PaymentDeclined(reason=reason):
            return f"The payment did not go through: {reason}.", "bad"
        case OrderShipped(carrier=carrier, service=service, tracking=tracking):
            return f"Your parcel left with {carrier} {service}".rstrip() + (
                f", number {tracking}." if tracking else "."
            ), "done"
        case OrderDelivered(received_by=who):
            return "Your parcel arrived" + (f"; {who} took it." if who else "."), "done"
        case OrderCancelled(reason=reason):
            return f"The order was cancelled: {reason}.", "bad"
        case ItemsReturned(lines=lines):
            pieces = sum(line.quantity for line in lines)
            return f"{pieces} piece{'' if pieces == 1 else 's'} came back.", ""
        case PaymentRefunded(amount=amount):
            return f"We give {money(amount)} back to you.", "done"
        case CreditNoteIssued(total=amount, reason=reason):
            return f"We credited {money(amount)}: {reason}.", "done"
        case _:
            assert_never(event)


def money(amount: Money) -> str:
    """An amount as people write it: £9.00, or 9.00 CHF."""
    sign = {"GBP": "£", "EUR": "€", "USD": "$"}.get(amount.currency)
    pennies = amount.amount.quantize(Decimal("0.01"))
    value = pennies if pennies == amount.amount else amount.amount.normalize()
    return f"{sign}{value:,}" if sign else f"{value:,} {amount.currency}"
