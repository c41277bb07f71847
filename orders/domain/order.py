"""The aggregate `Order`: which commands are allowed in which state, and the state after each event."""

from __future__ import annotations

from decimal import Decimal
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.money import Money
from eventshop.core.personal_fields import Redacted
from orders.domain import corrections, observed_facts, payment_decisions, returns, shipping
from orders.domain.commands import (
    AcceptReturn,
    AuthorisePayment,
    CancelOrder,
    CloseReturnWindow,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeclineReturn,
    DeliverOrder,
    ObservedCommand,
    OrderCommand,
    ProcessPayment,
    ReceiveReturn,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReverseCreditNote,
    ShipOrder,
)
from orders.domain.errors import InvalidOrderState
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LineAmount,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEvent,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnReversed,
    ReturnWindowClosed,
    RuleBroken,
)
from orders.domain.fact_keys import key_of
from orders.domain.order_balance import Balance, balance_of
from orders.domain.order_creation import credit_note_issued, order_created
from orders.domain.order_line import OrderLineStates, amounts_kept, number_lines, subtract_returned
from orders.domain.order_status import Status
from orders.domain.payments import Payments, PaymentStateName, Refunds, apply_payment_event, apply_refund_event
from orders.domain.return_state import Returns, apply_return_event

__all__ = ["Order", "PaymentStateName", "Status"]


class Order(Aggregate[OrderCommand, OrderEvent], frozen=True):
    """One customer's order, from creation to delivery, cancellation or return; or a credit note."""

    snapshot_version = 7

    status: Status = Status.PENDING
    order_id: UUID = UUID(int=0)
    reference: str = ""
    customer_id: UUID | None = None
    lines: OrderLineStates = ()
    total: Money = Money(Decimal(0), "XXX")  # ISO 4217 for "no currency": no payment matches it
    payments: Payments = ()
    refunds: Refunds = ()
    refunded: Decimal = Decimal(0)  # all that was given back
    owed_for_returns: Decimal = Decimal(0)  # requested or given back for returned goods
    returns: Returns = ()
    is_sold: bool = False  # its lines count as sold
    is_shipped: bool = False
    shipped_with: tuple[str | Redacted, ...] = ()  # carrier, service and tracking number of the parcel
    is_return_window_closed: bool = False
    observed_facts: tuple[str, ...] = ()  # what was reported from elsewhere, so that each fact is recorded once

    @staticmethod
    def id_of(command: OrderCommand) -> UUID:
        return command.order_id

    def decide(self, command: OrderCommand) -> list[OrderEvent]:
        match self.status, command:
            case Status.PENDING, CreateOrder() as command:
                return [order_created(command)]
            case Status.PENDING | Status.REVERSED, CreateCreditNote() as command:
                return [credit_note_issued(command)]
            case Status.CREDITED, ReverseCreditNote():
                return [corrections.reverse_credit_note(self)]
            case Status.REVERSED, ReverseCreditNote():
                return []
            case Status.PENDING | Status.CREDITED | Status.REVERSED as status, _:
                raise InvalidOrderState(command, status)
            case _, command if isinstance(command, ObservedCommand):
                return observed_facts.record_fact(self, command)
            case Status.CREATED, RequestPayment() as command:
                return payment_decisions.request_payment(self, command)
            case Status.CREATED | Status.CANCELLED, AuthorisePayment() as command:
                return payment_decisions.authorise_payment(self, command)
            case _, ProcessPayment() as command:
                return payment_decisions.process_payment(self, command)
            case _, DeclinePayment() as command:
                return payment_decisions.decline_payment(self, command)
            case _, RecordVoid() as command:
                return payment_decisions.record_void(self, command)
            case _, RecordRefund() as command:
                return payment_decisions.record_refund(self, command)
            case Status.PAID, ShipOrder() as command:
                return [shipping.order_shipped(self, command)]
            case Status.CREATED, ShipOrder() as command if self.balance.is_covered:
                return [shipping.order_shipped(self, command)]
            case Status.SHIPPED | Status.DELIVERED, ShipOrder() as command if shipping.is_shipped_so(self, command):
                return []
            case Status.DELIVERED, DeliverOrder():
                return []
            case Status.SHIPPED, DeliverOrder() as command:
                return [OrderDelivered(command.order_id, self.customer_id, received_by=command.received_by)]
            case Status.CREATED | Status.PAID, CancelOrder() as command:
                return shipping.cancel_order(self, command)
            case Status.CANCELLED, CancelOrder():
                return []
            case Status.SHIPPED | Status.DELIVERED, RequestReturn() as command:
                return returns.request_return(self, command)
            case Status.SHIPPED | Status.DELIVERED, AcceptReturn() as command:
                return returns.accept_return(self, command)
            case Status.SHIPPED | Status.DELIVERED, DeclineReturn() as command:
                return returns.decline_return(self, command)
            case Status.SHIPPED | Status.DELIVERED, ReceiveReturn() as command:
                return returns.receive_return(self, command)
            case Status.SHIPPED | Status.DELIVERED, CloseReturnWindow() as command:
                return [] if self.is_return_window_closed else [ReturnWindowClosed(command.order_id, self.customer_id)]
            case status, _:
                raise InvalidOrderState(command, status)

    def evolve(self, event: OrderEvent) -> Self:
        match event:
            case OrderCreated():
                return self._open(Status.CREATED, event)
            case CreditNoteIssued():
                return self._open(Status.CREDITED, event)
            case PaymentRequested() | PaymentAuthorised() | PaymentDeclined() | PaymentVoided():
                return replace(self, payments=apply_payment_event(self.payments, event))
            case PaymentProcessed():
                return self._apply_payment(event)
            case RefundRequested() | PaymentRefunded():
                return self._apply_refund(event)
            case OrderShipped():
                parcel = (event.carrier, event.service, event.tracking)
                shipped = replace(self, status=self._advance(Status.SHIPPED), is_shipped=True, shipped_with=parcel)
                return shipped._remember(event)
            case OrderDelivered():
                return replace(self, status=self._advance(Status.DELIVERED), is_shipped=True)._remember(event)
            case OrderCancelled():
                return replace(self, status=Status.CANCELLED)
            case ReturnRequested() | ReturnAccepted() | ReturnDeclined():
                return replace(self, returns=apply_return_event(self.returns, event))
            case ItemsReturned(lines=lines):
                back = replace(self, lines=subtract_returned(self.lines, lines))
                return replace(back, returns=apply_return_event(self.returns, event))._remember(event)
            case ReturnWindowClosed():
                return replace(self, is_return_window_closed=True)
            case LinesAdded(lines=lines, total=total):
                added = number_lines(lines, first=event.first_line)
                return replace(self, lines=(*self.lines, *added), total=self.total + total)
            case ReturnReversed():
                return corrections.apply_return_reversal(self, event)
            case CreditNoteReversed():
                return replace(self, status=Status.REVERSED, lines=(), total=self.total * 0)
            case RuleBroken():
                return self
            case _:
                assert_never(event)

    @property
    def lines_kept(self) -> tuple[LineAmount, ...]:
        """What was ordered and not returned, line by line."""
        return amounts_kept(self.lines)

    @property
    def balance(self) -> Balance:
        """What is due, paid, set aside and outstanding."""
        return balance_of(self)

    @property
    def payment_state(self) -> PaymentStateName:
        return self.balance.payment_state

    def _open(self, status: Status, event: OrderCreated | CreditNoteIssued) -> Self:
        return replace(
            self,
            status=status,
            order_id=event.order_id,
            reference=event.reference,
            customer_id=event.customer_id,
            lines=number_lines(event.lines),
            total=event.total,
        )

    def _advance(self, status: Status) -> Status:
        """A parcel never leads back, and a cancelled order stays cancelled whatever is observed of its parcel."""
        return self.status if self.status in (Status.CANCELLED, Status.DELIVERED) else status

    def _apply_payment(self, event: PaymentProcessed) -> Self:
        after = replace(self, payments=apply_payment_event(self.payments, event))
        after = replace(after, is_sold=self.is_sold or bool(event.lines))._remember(event)
        is_paid = self.status is Status.CREATED and after.balance.is_paid
        return replace(after, status=Status.PAID) if is_paid else after

    def _apply_refund(self, event: RefundRequested | PaymentRefunded) -> Self:
        is_new = isinstance(event, RefundRequested) or event.refund_id is None
        is_for_return = is_new and any(old.reference == event.reference for old in self.returns)
        after = replace(
            self,
            payments=apply_payment_event(self.payments, event),
            refunds=apply_refund_event(self.refunds, event),
            owed_for_returns=self.owed_for_returns + (event.amount.amount if is_for_return else Decimal(0)),
        )
        if isinstance(event, RefundRequested):
            return after
        return replace(after, refunded=self.refunded + event.amount.amount)._remember(event)

    def _remember(self, event: OrderEvent) -> Self:
        """Keep an observed fact, so that the same one is not recorded again."""
        key = key_of(event)
        return replace(self, observed_facts=(*self.observed_facts, key)) if key else self
