"""The aggregate `Order`: which commands are allowed in which state, and the state after each event."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.money import Money, total
from orders.domain.carriers import carrier_and_service
from orders.domain.commands import (
    CancelOrder,
    CreateCreditNote,
    CreateOrder,
    DeclinePayment,
    DeliverOrder,
    OrderCommand,
    ProcessPayment,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
)
from orders.domain.errors import (
    InvalidOrderState,
    NothingToReturn,
    NothingToShip,
    TooManyReturned,
    UnknownLine,
    WrongAmount,
)
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    LineAmount,
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
from orders.domain.order_line import OrderLineStates, amounts_kept, number_lines, subtract_returned


class Status(StrEnum):
    """The states of an order."""

    PENDING = "PENDING"  # nothing has happened yet
    CREATED = "CREATED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    CREDITED = "CREDITED"  # a credit note, not an order


class Order(Aggregate[OrderCommand, OrderEvent], frozen=True):
    """One customer's order, from creation to delivery, cancellation or return; or a credit note."""

    snapshot_version = 2

    status: Status = Status.PENDING
    reference: str = ""
    customer_id: UUID | None = None
    lines: OrderLineStates = ()
    total: Money = Money(Decimal(0), "XXX")  # ISO 4217 for "no currency": no payment matches it

    @staticmethod
    def id_of(command: OrderCommand) -> UUID:
        return command.order_id

    def decide(self, command: OrderCommand) -> list[OrderEvent]:
        match self.status, command:
            case Status.PENDING, CreateOrder() as command:
                return [_order_created(command)]
            case Status.PENDING, CreateCreditNote() as command:
                return [_credit_note_issued(command)]
            case Status.CREATED, RequestPayment() as command:
                return [PaymentRequested(command.order_id, self.customer_id, amount=self.total, method=command.method)]
            case Status.CREATED, DeclinePayment() as command:
                return [PaymentDeclined(command.order_id, self.customer_id, amount=self.total, reason=command.reason)]
            case Status.CREATED, ProcessPayment() as command if command.amount == self.total:
                return [self._payment_processed(command)]
            case Status.CREATED, ProcessPayment() as command:
                raise WrongAmount(offered=command.amount, due=self.total)
            case Status.PAID, ShipOrder() as command if self.lines_kept:
                carrier, service = carrier_and_service(command.carrier)
                return [OrderShipped(command.order_id, self.customer_id, carrier, command.tracking, service)]
            case Status.PAID, ShipOrder():
                raise NothingToShip(order=self.reference)
            case Status.SHIPPED, DeliverOrder() as command:
                return [OrderDelivered(command.order_id, self.customer_id, received_by=command.received_by)]
            case Status.PAID | Status.SHIPPED | Status.DELIVERED, ReturnItems() as command:
                return self._return_items(command)
            case Status.CREATED, CancelOrder() as command:
                return [self._order_cancelled(command, sold=())]
            case Status.PAID, CancelOrder() as command:
                return [
                    self._order_cancelled(command, sold=self.lines_kept),
                    *self._refund(command, self.lines_kept, self.reference),
                ]
            case Status.CANCELLED, CancelOrder():
                return []
            case status, _:
                raise InvalidOrderState(command, status)

    def evolve(self, event: OrderEvent) -> Self:
        match event:
            case OrderCreated():
                return self._open(Status.CREATED, event)
            case CreditNoteIssued():
                return self._open(Status.CREDITED, event)
            case PaymentProcessed():
                return replace(self, status=Status.PAID)
            case OrderShipped():
                return replace(self, status=Status.SHIPPED)
            case OrderDelivered():
                return replace(self, status=Status.DELIVERED)
            case OrderCancelled():
                return replace(self, status=Status.CANCELLED)
            case ItemsReturned(lines=lines):
                return replace(self, lines=subtract_returned(self.lines, lines))
            case PaymentRequested() | PaymentDeclined() | PaymentRefunded():
                return self
            case _:
                assert_never(event)

    @property
    def lines_kept(self) -> tuple[LineAmount, ...]:
        """What was ordered and not returned, line by line."""
        return amounts_kept(self.lines)

    def _open(self, status: Status, event: OrderCreated | CreditNoteIssued) -> Self:
        return replace(
            self,
            status=status,
            reference=event.reference,
            customer_id=event.customer_id,
            lines=number_lines(event.lines),
            total=event.total,
        )

    def _payment_processed(self, command: ProcessPayment) -> PaymentProcessed:
        return PaymentProcessed(
            order_id=command.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            amount=command.amount,
            method=command.method,
            lines=self.lines_kept,
        )

    def _order_cancelled(self, command: CancelOrder, *, sold: tuple[LineAmount, ...]) -> OrderCancelled:
        return OrderCancelled(
            order_id=command.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            reason=command.reason,
            lines=sold,
        )

    def _return_items(self, command: ReturnItems) -> list[OrderEvent]:
        if not self.lines_kept:
            raise NothingToReturn(order=self.reference)
        lines = tuple(self._returned_amount(line) for line in command.lines)
        returned = ItemsReturned(
            order_id=command.order_id,
            reference=command.reference,
            customer_id=self.customer_id,
            lines=lines,
            reason=command.reason,
        )
        return [returned, *self._refund(command, lines, command.reference)]

    def _returned_amount(self, returned: ReturnLine) -> LineAmount:
        if returned.line > len(self.lines):
            raise UnknownLine(line=returned.line, lines=len(self.lines))
        sold = self.lines[returned.line - 1]
        if returned.quantity > sold.quantity_left:
            raise TooManyReturned(
                line=returned.line, sku=sold.sku, requested=returned.quantity, left=sold.quantity_left
            )
        return sold.amount_of(returned.quantity)

    def _refund(
        self, command: CancelOrder | ReturnItems, lines: tuple[LineAmount, ...], reference: str
    ) -> list[OrderEvent]:
        """The refund for these lines; no event if they cost nothing."""
        amount = total((line.amount for line in lines), currency=self.total.currency)
        if not amount.amount:
            return []
        return [
            PaymentRefunded(
                order_id=command.order_id,
                reference=reference,
                customer_id=self.customer_id,
                amount=amount,
                reason=command.reason,
            )
        ]


def _order_created(command: CreateOrder) -> OrderCreated:
    return OrderCreated(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        country=command.country,
        lines=command.lines,
        total=command.total,
        delivery_name=command.delivery_name,
        delivery_address=command.delivery_address,
    )


def _credit_note_issued(command: CreateCreditNote) -> CreditNoteIssued:
    return CreditNoteIssued(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=command.customer_id,
        country=command.country,
        lines=command.lines,
        total=command.total,
        reason=command.reason,
    )
