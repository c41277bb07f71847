"""What an order decides about corrections of what was recorded from elsewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from eventshop.core.money import Money, total
from orders.domain.correction_events import CreditNoteReversed, LinesAdded, ReturnReversed
from orders.domain.errors import FactRecordedDifferently, UnknownLine, UnknownReturn
from orders.domain.fact_keys import refund_key, return_key
from orders.domain.order_line import amounts_ordered, number_lines, subtract_returned
from orders.domain.order_status import Status
from orders.domain.payment_decisions import check_currency
from orders.domain.payments import reverse_refund
from orders.domain.return_state import apply_return_event
from orders.domain.returns import line_amounts

if TYPE_CHECKING:
    from orders.domain.observed_commands import RecordObservedLines, ReverseObservedReturn
    from orders.domain.order import Order

OrderT = TypeVar("OrderT", bound="Order")


def add_lines(order: Order, command: RecordObservedLines) -> list[LinesAdded]:
    """More lines of the order; nothing if it has them at this place.

    Raises `FactRecordedDifferently` for other lines there, `UnknownLine` for a gap, and `CurrencyMismatch`.
    """
    check_currency(order, command.total)
    added = number_lines(command.lines, first=command.first_line)
    if command.first_line > len(order.lines) + 1:
        raise UnknownLine(line=command.first_line, lines=len(order.lines))
    if command.first_line <= len(order.lines):
        known = order.lines[command.first_line - 1 : added[-1].line]
        if amounts_ordered(known) == amounts_ordered(added):
            return []
        raise FactRecordedDifferently(reference=order.reference, line=command.first_line)
    is_sold = order.is_sold and order.status is not Status.CANCELLED
    return [
        LinesAdded(
            order_id=order.order_id,
            reference=order.reference,
            customer_id=order.customer_id,
            first_line=command.first_line,
            lines=command.lines,
            total=command.total,
            sold=amounts_ordered(added) if is_sold else (),
        )
    ]


def reverse_return(order: Order, command: ReverseObservedReturn) -> list[ReturnReversed]:
    """Take back the record of an observed return and of the refund that came with it; raises `UnknownReturn`."""
    lines = line_amounts(order, {line.line: line.quantity for line in command.lines})
    if return_key(command.reference, lines) not in order.observed_facts:
        raise UnknownReturn(reference=command.reference, status="not recorded so")
    value = total((line.amount for line in lines), currency=order.total.currency)
    if refund_key(command.reference, value) not in order.observed_facts:
        value = Money(Decimal(0), value.currency)
    return [ReturnReversed(order.order_id, command.reference, order.customer_id, lines, value)]


def apply_return_reversal(order: OrderT, event: ReturnReversed) -> OrderT:
    """The state as if the return and its refund had not been recorded."""
    wrong = {return_key(event.reference, event.lines), refund_key(event.reference, event.refunded)}
    return replace(
        order,
        lines=subtract_returned(order.lines, event.lines, sign=-1),
        returns=apply_return_event(order.returns, event),
        payments=reverse_refund(order.payments, event.refunded),
        refunded=order.refunded - event.refunded.amount,
        owed_for_returns=order.owed_for_returns - event.refunded.amount,
        observed_facts=tuple(key for key in order.observed_facts if key not in wrong),
    )


def reverse_credit_note(order: Order) -> CreditNoteReversed:
    """Declare the credit note void."""
    return CreditNoteReversed(
        order_id=order.order_id,
        reference=order.reference,
        customer_id=order.customer_id,
        lines=amounts_ordered(order.lines),
        total=order.total,
    )
