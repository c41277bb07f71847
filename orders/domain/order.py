"""One order: what may happen to it, and what it is after that."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import registry
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
from orders.domain.order_line import SoldLines, kept, less, numbered
from orders.domain.upcasters import upcasters


class Status(StrEnum):
    """Where an order is on its way."""

    PENDING = "PENDING"  # nothing has happened yet
    CREATED = "CREATED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    CREDITED = "CREDITED"  # not an order at all: a credit note


class Order(Aggregate[OrderCommand, OrderEvent], frozen=True):
    """One customer's order, from creation to delivery, cancellation or return; or a credit note."""

    status: Status = Status.PENDING
    reference: str = ""
    customer_id: UUID | None = None
    lines: SoldLines = ()
    total: Money = Money(Decimal(0), "XXX")  # ISO 4217 for "no currency": no payment matches it

    @staticmethod
    def id_of(command: OrderCommand) -> UUID:
        return command.order_id

    def decide(self, command: OrderCommand) -> list[OrderEvent]:
        match self.status, command:
            case Status.PENDING, CreateOrder() as it:
                return [_created(it)]
            case Status.PENDING, CreateCreditNote() as it:
                return [_credited(it)]
            case Status.CREATED, RequestPayment() as it:
                return [PaymentRequested(it.order_id, self.customer_id, amount=self.total, method=it.method)]
            case Status.CREATED, DeclinePayment() as it:
                return [PaymentDeclined(it.order_id, self.customer_id, amount=self.total, reason=it.reason)]
            case Status.CREATED, ProcessPayment() as it if it.amount == self.total:
                return [self._paid(it)]
            case Status.CREATED, ProcessPayment() as it:
                raise WrongAmount(offered=it.amount, due=self.total)
            case Status.PAID, ShipOrder() as it if self.kept:
                carrier, service = carrier_and_service(it.carrier)
                return [OrderShipped(it.order_id, self.customer_id, carrier, it.tracking, service)]
            case Status.PAID, ShipOrder():
                raise NothingToShip(order=self.reference)
            case Status.SHIPPED, DeliverOrder() as it:
                return [OrderDelivered(it.order_id, self.customer_id, received_by=it.received_by)]
            case Status.PAID | Status.SHIPPED | Status.DELIVERED, ReturnItems() as it:
                return self._returned(it)
            case Status.CREATED, CancelOrder() as it:
                return [self._cancelled(it, sold=())]
            case Status.PAID, CancelOrder() as it:
                return [self._cancelled(it, sold=self.kept), *self._refund(it, self.kept, self.reference)]
            case Status.CANCELLED, CancelOrder():
                return []
            case status, _:
                raise InvalidOrderState(command, status)

    def evolve(self, event: OrderEvent) -> Self:
        match event:
            case OrderCreated():
                return self._opened(Status.CREATED, event)
            case CreditNoteIssued():
                return self._opened(Status.CREDITED, event)
            case PaymentProcessed():
                return replace(self, status=Status.PAID)
            case OrderShipped():
                return replace(self, status=Status.SHIPPED)
            case OrderDelivered():
                return replace(self, status=Status.DELIVERED)
            case OrderCancelled():
                return replace(self, status=Status.CANCELLED)
            case ItemsReturned(lines=lines):
                return replace(self, lines=less(self.lines, lines))
            case PaymentRequested() | PaymentDeclined() | PaymentRefunded():
                return self
            case _:
                assert_never(event)

    @property
    def kept(self) -> tuple[LineAmount, ...]:
        """What was ordered and has not come back."""
        return kept(self.lines)

    def _opened(self, status: Status, event: OrderCreated | CreditNoteIssued) -> Self:
        return replace(
            self,
            status=status,
            reference=event.reference,
            customer_id=event.customer_id,
            lines=numbered(event.lines),
            total=event.total,
        )

    def _paid(self, it: ProcessPayment) -> PaymentProcessed:
        return PaymentProcessed(
            order_id=it.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            amount=it.amount,
            method=it.method,
            lines=self.kept,
        )

    def _cancelled(self, it: CancelOrder, *, sold: tuple[LineAmount, ...]) -> OrderCancelled:
        return OrderCancelled(
            order_id=it.order_id,
            reference=self.reference,
            customer_id=self.customer_id,
            reason=it.reason,
            lines=sold,
        )

    def _returned(self, it: ReturnItems) -> list[OrderEvent]:
        if not self.kept:
            raise NothingToReturn(order=self.reference)
        lines = tuple(self._taken_back(asked) for asked in it.lines)
        returned = ItemsReturned(
            order_id=it.order_id,
            reference=it.reference,
            customer_id=self.customer_id,
            lines=lines,
            reason=it.reason,
        )
        return [returned, *self._refund(it, lines, it.reference)]

    def _taken_back(self, asked: ReturnLine) -> LineAmount:
        if asked.line > len(self.lines):
            raise UnknownLine(line=asked.line, lines=len(self.lines))
        sold = self.lines[asked.line - 1]
        if asked.quantity > sold.left:
            raise TooManyReturned(line=asked.line, sku=sold.sku, asked=asked.quantity, left=sold.left)
        return sold.pieces(asked.quantity)

    def _refund(self, it: CancelOrder | ReturnItems, lines: tuple[LineAmount, ...], reference: str) -> list[OrderEvent]:
        """The money for these lines, if they cost any."""
        amount = total((line.amount for line in lines), currency=self.total.currency)
        if not amount.amount:
            return []
        return [
            PaymentRefunded(
                order_id=it.order_id,
                reference=reference,
                customer_id=self.customer_id,
                amount=amount,
                reason=it.reason,
            )
        ]


def _created(it: CreateOrder) -> OrderCreated:
    return OrderCreated(
        order_id=it.order_id,
        reference=it.reference,
        customer_id=it.customer_id,
        country=it.country,
        lines=it.lines,
        total=it.total,
        delivery_name=it.delivery_name,
        delivery_address=it.delivery_address,
    )


def _credited(it: CreateCreditNote) -> CreditNoteIssued:
    return CreditNoteIssued(
        order_id=it.order_id,
        reference=it.reference,
        customer_id=it.customer_id,
        country=it.country,
        lines=it.lines,
        total=it.total,
        reason=it.reason,
    )


registry.add(Order, upcasters)
