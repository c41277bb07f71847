"""Observed facts: what happened elsewhere is recorded as it was, and followed by `RuleBroken` where it breaks a rule.

The rules: `shipped-before-paid`, `shipped-after-cancelling`, `cancelled-after-shipping`, `delivered-without-shipping`,
`overpaid`, `refund-exceeds-payments`, `returned-more-than-kept`, `lines-added-after-cancelling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, assert_never

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.money import Money, total
from orders.domain import corrections
from orders.domain.carriers import carrier_and_service
from orders.domain.errors import FactRecordedDifferently
from orders.domain.events import (
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    OrderDelivered,
    OrderShipped,
    PaymentProcessed,
    PaymentRefunded,
    RuleBroken,
)
from orders.domain.fact_keys import key_of
from orders.domain.observed_commands import (
    ObservedCommand,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    ReverseObservedReturn,
)
from orders.domain.order_balance import amount_taken
from orders.domain.order_status import Status
from orders.domain.order_values import LineAmount
from orders.domain.payment_decisions import check_currency, sell_if_covered
from orders.domain.payments import payment_id_of
from orders.domain.returns import line_amounts

if TYPE_CHECKING:
    from orders.domain.events import OrderEvent
    from orders.domain.order import Order


def record_fact(order: Order, command: ObservedCommand) -> list[OrderEvent]:
    """The observed fact and the rules that it breaks; nothing if it is recorded already.

    Raises `FactRecordedDifferently`, `UnknownLine` and `CurrencyMismatch`.
    """
    facts = _facts(order, command)
    if not facts or key_of(facts[0]) in order.observed_facts:
        return []
    broken = (RuleBroken(order.order_id, order.customer_id, *rule) for rule in _broken_rules(order, facts))
    return [*facts, *broken]


def _facts(order: Order, command: ObservedCommand) -> list[OrderEvent]:
    order_id, customer = order.order_id, order.customer_id
    match command:
        case RecordObservedPayment():
            return _payment(order, command)
        case RecordObservedShipment():
            carrier, service = carrier_and_service(command.carrier)
            return [OrderShipped(order_id, customer, carrier, command.tracking, service, observed=True)]
        case RecordObservedDelivery() if order.status is Status.DELIVERED:
            return []
        case RecordObservedDelivery():
            return [OrderDelivered(order_id, customer, command.received_by, observed=True)]
        case RecordObservedCancellation() if order.status is Status.CANCELLED:
            return []
        case RecordObservedCancellation(reason=reason):
            # What was shipped is still with the customer: it stops to count as sold when it comes back.
            unsold = order.lines_kept if order.is_sold and not order.is_shipped else ()
            return [OrderCancelled(order_id, order.reference, customer, reason, unsold, observed=True)]
        case RecordObservedReturn():
            return _return(order, command)
        case RecordObservedRefund():
            return [_refund(order, command)]
        case RecordObservedLines():
            return [*corrections.add_lines(order, command)]
        case ReverseObservedReturn():
            return [*corrections.reverse_return(order, command)]
        case _:
            assert_never(command)


def _payment(order: Order, command: RecordObservedPayment) -> list[OrderEvent]:
    check_currency(order, command.amount)
    payment_id = payment_id_of(order.order_id, len(order.payments) + 1)
    if command.reference:
        payment_id = derive_id("observed-payment", order.order_id, command.reference)
    for earlier in order.payments:
        if earlier.payment_id == payment_id and (earlier.taken, earlier.method) != (command.amount, command.method):
            raise FactRecordedDifferently(reference=command.reference, amount=earlier.taken, method=earlier.method)
    payment = PaymentProcessed(
        order_id=order.order_id,
        reference=order.reference,
        customer_id=order.customer_id,
        amount=command.amount,
        method=command.method,
        lines=(),
        payment_id=payment_id,
        observed=True,
    )
    return sell_if_covered(order, payment)


def _refund(order: Order, command: RecordObservedRefund) -> PaymentRefunded:
    """A refund. One that the shop had requested with this reference and amount, and that the gateway could not pay (an
    order of another system, a closed account), is done with it.
    """
    check_currency(order, command.amount)
    sought = (command.reference, command.amount)
    requested = next((one for one in order.refunds if not one.is_done and (one.reference, one.amount) == sought), None)
    return PaymentRefunded(
        order_id=order.order_id,
        reference=command.reference,
        customer_id=order.customer_id,
        amount=command.amount,
        reason=command.reason,
        refund_id=requested.refund_id if requested else None,
        payment_id=requested.payment_id if requested else None,
        observed=True,
    )


def _return(order: Order, command: RecordObservedReturn) -> list[OrderEvent]:
    lines = line_amounts(order, {line.line: line.quantity for line in command.lines})
    returned = ItemsReturned(order.order_id, command.reference, order.customer_id, lines, command.reason, observed=True)
    value = total((line.amount for line in lines), currency=order.total.currency)
    if not command.refunded or not value.amount:
        return [returned]
    refunded = PaymentRefunded(
        order.order_id, command.reference, order.customer_id, value, command.reason, observed=True
    )
    return [returned, refunded]


def _broken_rules(order: Order, facts: list[OrderEvent]) -> Iterator[tuple[str, str]]:
    """The codes of the rules that facts break, with the numbers."""
    after = order.evolve_all(facts)
    for fact in facts:
        match fact:
            case PaymentProcessed() if after.balance.is_overpaid:
                balance = after.balance
                yield (
                    "overpaid",
                    f"{Money(balance.paid, balance.currency)} paid of {Money(balance.due, balance.currency)}",
                )
            case OrderShipped() if order.status is Status.CANCELLED:
                yield "shipped-after-cancelling", "the order was cancelled before it was shipped"
            case OrderShipped() if not order.balance.is_covered:
                yield "shipped-before-paid", f"{order.balance.outstanding} was outstanding"
            case OrderDelivered() if not order.is_shipped:
                yield "delivered-without-shipping", "no shipment of the order is known"
            case OrderCancelled() if order.is_shipped:
                yield "cancelled-after-shipping", f"the order was {order.status}"
            case LinesAdded() if order.status is Status.CANCELLED:
                yield "lines-added-after-cancelling", f"{fact.total} was added to a cancelled order"
            case ItemsReturned(lines=lines):
                yield from _returned_too_much(order, lines)
            case PaymentRefunded() if after.refunded > (taken := amount_taken(after)):
                refunded = Money(after.refunded, after.total.currency)
                yield "refund-exceeds-payments", f"{refunded} refunded of {Money(taken, refunded.currency)}"


def _returned_too_much(order: Order, lines: Iterable[LineAmount]) -> Iterator[tuple[str, str]]:
    too_much = [
        f"line {line.line}: {line.quantity} came back of {kept}"
        for line in lines
        if line.quantity > (kept := order.lines[line.line - 1].quantity_left)
    ]
    if too_much:
        yield "returned-more-than-kept", "; ".join(too_much)[:200]
