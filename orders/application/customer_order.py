"""An order as its customer sees it, read from its events."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.http import HttpRequest

from eventshop.core.messages import RecordedEvent
from eventshop.core.money import Money, total
from eventshop.eventstore.event_store import store
from eventshop.web.live.subscriptions import LiveSource, stream_versions
from eventshop.web.pages.timeline import TimelineEntry, build_timeline
from eventshop.web.shared import customer_port
from orders.application.order_timeline import STATUS_LABELS, describe_event
from orders.domain.events import CreditNoteIssued, OrderCreated, OrderEvent, PaymentProcessed, PaymentRefunded
from orders.domain.order import Order, Status

#: In these states the order no longer changes by itself.
FINAL_STATUSES: Final = (Status.DELIVERED, Status.CANCELLED, Status.CREDITED)


class CustomerOrder(NamedTuple):
    """One order: its events, the state that they lead to, and the event that opened it."""

    id: UUID
    events: list[RecordedEvent[OrderEvent]]
    state: Order
    opening_event: OrderCreated | CreditNoteIssued

    @property
    def ordered_at(self) -> datetime:
        return self.events[0].meta.occurred_at

    @property
    def version(self) -> int:
        return self.events[-1].meta.version

    @property
    def label(self) -> str:
        return STATUS_LABELS[self.state.status][0]

    @property
    def tone(self) -> str:
        return STATUS_LABELS[self.state.status][1]

    @property
    def is_in_progress(self) -> bool:
        """Whether the order still changes by itself, so that its page must follow it."""
        return self.state.status not in FINAL_STATUSES

    @property
    def can_cancel(self) -> bool:
        return self.state.status in (Status.CREATED, Status.PAID)

    @property
    def can_return(self) -> bool:
        return self.state.status in (Status.SHIPPED, Status.DELIVERED) and bool(self.state.lines_kept)

    @property
    def timeline(self) -> list[TimelineEntry]:
        return build_timeline(reversed(self.events), describe_event)

    @property
    def destination(self) -> str:
        """The delivery name and address as text of several lines; empty for a credit note."""
        if isinstance(self.opening_event, CreditNoteIssued):
            return ""
        return "\n".join(
            filter(None, (str(self.opening_event.delivery_name), str(self.opening_event.delivery_address)))
        )

    @property
    def paid_at(self) -> datetime | None:
        payments = (recorded for recorded in self.events if isinstance(recorded.event, PaymentProcessed))
        return next((recorded.meta.occurred_at for recorded in payments), None)

    @property
    def refunded(self) -> Money:
        events = (recorded.event for recorded in self.events)
        amounts = (event.amount for event in events if isinstance(event, PaymentRefunded))
        return total(amounts, currency=self.opening_event.total.currency)

    @property
    def line_names(self) -> dict[int, str]:
        return {number: line.description or line.sku for number, line in enumerate(self.opening_event.lines, start=1)}


def load_customer_order(order_id: UUID, customer: UUID) -> CustomerOrder | None:
    """An order of this customer; None for an unknown order and for another customer's."""
    events = store.get_events(order_id)
    if not events or not isinstance(events[0].event, OrderCreated | CreditNoteIssued):
        return None
    opening_event = events[0].event
    if opening_event.customer_id != customer:
        return None
    state = Order().evolve_all(recorded.event for recorded in events)
    return CustomerOrder(order_id, events, state, opening_event)


def _is_own_order(request: HttpRequest, order_id: UUID) -> bool:
    person = customer_port.current_adapter().person_of(request.user)
    return person is not None and load_customer_order(order_id, person) is not None


#: The live updates of an order's page: they follow the versions of its stream.
order_updates: Final = LiveSource("order", _is_own_order, stream_versions)
