"""An order as its customer sees it, read from its events."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.core.messages import RecordedEvent
from eventshop.core.money import Money, total
from eventshop.eventstore.event_store import store
from eventshop.web.live.subscriptions import LiveSource, stream_versions
from eventshop.web.pages.timeline import TimelineEntry, build_timeline
from eventshop.web.shared import customer_port
from orders.application.order_refunds import Refund, collect_refunds
from orders.application.order_returns import ReturnCase, collect_returns, returnable_lines
from orders.application.order_timeline import describe_event, status_label
from orders.domain.commands import RequestPayment
from orders.domain.events import (
    CreditNoteIssued,
    Line,
    LineAmount,
    LinesAdded,
    OrderCreated,
    OrderEvent,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRequested,
    RuleBroken,
)
from orders.domain.order import Order, Status
from orders.domain.payments import PaymentState
from orders.sagas import fulfilment_values

#: In these states an order changes only by a return or a refund.
FINAL_STATUSES: Final = (Status.DELIVERED, Status.CANCELLED, Status.CREDITED, Status.REVERSED)


class CustomerOrder(NamedTuple):
    """One order: its events, the state that they lead to, and the event that opened it."""

    id: UUID
    events: list[RecordedEvent[OrderEvent]]
    state: Order
    opening_event: OrderCreated | CreditNoteIssued

    @property
    def reference(self) -> str:
        return self.opening_event.reference

    @property
    def ordered_at(self) -> datetime:
        return self.events[0].meta.occurred_at

    @property
    def version(self) -> int:
        return self.events[-1].meta.version

    @property
    def label(self) -> str:
        return self._label_and_tone[0]

    @property
    def tone(self) -> str:
        return self._label_and_tone[1]

    @property
    def _label_and_tone(self) -> tuple[str, str]:
        if self.payment_under_way and self.state.status is Status.CREATED:
            return "Your payment is being processed", "info"
        return status_label(self.state.status, self.state.payment_state)

    @property
    def is_in_progress(self) -> bool:
        """Whether the order may change without its customer, so that its page must follow it."""
        refund_due = any(not refund.is_done for refund in self.state.refunds)
        return_due = any(one.left(line) for one in self.state.returns for line in one.asked)
        return refund_due or return_due or self.state.status not in FINAL_STATUSES

    @property
    def timeline(self) -> list[TimelineEntry]:
        shown = [recorded for recorded in reversed(self.events) if not isinstance(recorded.event, RuleBroken)]
        return build_timeline(shown, describe_event)

    @property
    def destination(self) -> str:
        """The delivery name and address as text of several lines; empty for a credit note."""
        if isinstance(self.opening_event, CreditNoteIssued):
            return ""
        return "\n".join(
            filter(None, (str(self.opening_event.delivery_name), str(self.opening_event.delivery_address)))
        )

    @property
    def line_names(self) -> dict[int, str]:
        return {number: line.description or line.sku for number, line in enumerate(self.lines, start=1)}

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines, also those that became known later."""
        added = (recorded.event for recorded in self.events if isinstance(recorded.event, LinesAdded))
        return (*self.opening_event.lines, *(line for event in added for line in event.lines))

    @property
    def line_rows(self) -> list[tuple[Line, int, int]]:
        """Each line with the units that came back and those that the customer keeps."""
        returned = {line.line: line.returned for line in self.state.lines}
        counts = ((line, returned.get(number, 0)) for number, line in enumerate(self.lines, start=1))
        return [(line, back, max(0, line.quantity - back)) for line, back in counts]

    @property
    def has_returned(self) -> bool:
        return any(line.returned for line in self.state.lines)

    # --- payment --------------------------------------------------------------------------------------------------

    @property
    def outstanding(self) -> Money:
        return self.state.balance.outstanding

    @property
    def payment_under_way(self) -> PaymentState | None:
        """The payment whose outcome is not known yet. Of an order of the past nobody awaits one."""
        payments = () if self.is_history else self.state.payments
        return next((payment for payment in payments if payment.is_under_way), None)

    @property
    def is_history(self) -> bool:
        """Whether it was recorded long after it happened: no saga fulfils it, so that it cannot be paid here."""
        return fulfilment_values.is_history(self.events[0].meta)

    @property
    def can_pay(self) -> bool:
        waits = self.state.status is Status.CREATED and self.outstanding.amount > 0
        return waits and not (self.is_history or self.is_overdue or self.payment_refusal)

    @property
    def payment_refusal(self) -> str:
        """Why the order refuses another payment, as it does now; empty if it accepts one."""
        try:
            self.state.decide(RequestPayment(self.id, method="card"))
        except (CommandRefused, InvalidMessage) as refusal:
            return refusal.message
        return ""

    @property
    def pay_until(self) -> datetime | None:
        """When an unpaid order is cancelled; None for one that has no deadline, because it is history."""
        if self.state.status is not Status.CREATED or self.is_history:
            return None
        return self.events[0].meta.recorded_at + timedelta(seconds=settings.PAYMENT_DEADLINE_S)

    @property
    def is_overdue(self) -> bool:
        """Whether the order waits to be cancelled because it was not paid in time."""
        return self.pay_until is not None and self.pay_until < timezone.now() and self.outstanding.amount > 0

    @property
    def last_decline(self) -> PaymentDeclined | None:
        """The declined payment, if nothing was paid after it."""
        about = (PaymentDeclined, PaymentRequested, PaymentAuthorised, PaymentProcessed)
        newest = next((one.event for one in reversed(self.events) if isinstance(one.event, about)), None)
        return newest if isinstance(newest, PaymentDeclined) else None

    @property
    def payments(self) -> list[PaymentState]:
        """The payments that took money."""
        return [payment for payment in self.state.payments if payment.taken.amount]

    @property
    def decline_reasons(self) -> dict[UUID | None, str]:
        """Why payments were declined, by their ids."""
        events = (recorded.event for recorded in self.events)
        return {event.payment_id: str(event.reason) for event in events if isinstance(event, PaymentDeclined)}

    @property
    def paid(self) -> Money:
        """What was taken and not given back."""
        amounts = (payment.taken - payment.refunded for payment in self.state.payments)
        return total(amounts, currency=self.opening_event.total.currency)

    @property
    def authorised(self) -> Money:
        amounts = (payment.authorised for payment in self.state.payments)
        return total(amounts, currency=self.opening_event.total.currency)

    @property
    def paid_at(self) -> datetime | None:
        """When the order was paid in full: what it sold counts from then on, and it has an invoice."""
        payments = (one for one in self.events if isinstance(one.event, PaymentProcessed) and one.event.lines)
        return next((one.meta.occurred_at for one in payments), None)

    @property
    def shipped_at(self) -> datetime | None:
        """When the parcel left."""
        return next((one.meta.occurred_at for one in self.events if isinstance(one.event, OrderShipped)), None)

    @property
    def refunds(self) -> list[Refund]:
        return collect_refunds(self.reference, self.events, self.state.payments, self.line_names)

    @property
    def refunded(self) -> Money:
        amounts = (refund.amount for refund in self.refunds)
        return total(amounts, currency=self.opening_event.total.currency)

    # --- cancellation and returns ---------------------------------------------------------------------------------

    @property
    def can_cancel(self) -> bool:
        return self.state.status in (Status.CREATED, Status.PAID)

    @property
    def returns(self) -> list[ReturnCase]:
        return collect_returns(self.events)

    @property
    def returnable(self) -> tuple[LineAmount, ...]:
        """The products that the customer has and has not asked to return, line by line."""
        if self.state.status not in (Status.SHIPPED, Status.DELIVERED) or self.state.is_return_window_closed:
            return ()
        return returnable_lines(self.state)

    @property
    def can_return(self) -> bool:
        return bool(self.returnable)


def load_customer_order(order_id: UUID, customer: UUID) -> CustomerOrder | None:
    """An order of this customer; None for an unknown order and for another customer's."""
    order = load_any_order(order_id)
    return order if order and order.state.customer_id == customer else None


def load_any_order(order_id: UUID, *, as_of: datetime | None = None) -> CustomerOrder | None:
    """An order, whosever it is, now or as recorded up to a time; None for an unknown one."""
    events = store.get_events(order_id, as_of=as_of)
    if not events or not isinstance(events[0].event, OrderCreated | CreditNoteIssued):
        return None
    state = Order().evolve_all(recorded.event for recorded in events)
    # A credit note that was void may have been issued anew.
    opened = [recorded.event for recorded in events if isinstance(recorded.event, OrderCreated | CreditNoteIssued)]
    return CustomerOrder(order_id, events, state, opened[-1])


def _is_own_order(request: HttpRequest, order_id: UUID) -> bool:
    person = customer_port.current_adapter().person_of(request.user)
    return person is not None and load_customer_order(order_id, person) is not None


#: The live updates of an order's page: they follow the versions of its stream.
order_updates: Final = LiveSource("order", _is_own_order, stream_versions)
