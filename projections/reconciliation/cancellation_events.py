"""What the events say of cancellations: how many goods came back to which sale, and what was credited without one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db.models import Sum

from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from orders.domain.events import CreditNoteIssued, CreditNoteReversed, ItemsReturned, ReturnReversed
from projections.models import OrderLine, OrderSummary
from projections.reconciliation.control_totals import NotCompared

#: The control totals that count how cancelled rows match sales, other than those of anonymous sales.
MATCHING: Final = (
    "no_earlier_sale",
    "matched_one_line_same_price",
    "more_than_was_bought",
    "matched_several_lines_or_other_price",
)


class Cancellations(NamedTuple):
    """Sums over the events: goods `returned` to a sale, and goods `credited` because they belong to no stored sale."""

    returned_lines: int = 0
    returned_units: int = 0
    returned_amount: Decimal = Decimal(0)
    credited_lines: int = 0
    credited_units: int = 0
    credited_amount: Decimal = Decimal(0)
    anonymous_lines: int = 0

    def describe_matching(self) -> NotCompared:
        """Why the counts of matched rows are not compared."""
        return NotCompared(
            "the file does not name the sale that a row cancels; the events return "
            f"{self.returned_lines} lines to a sale and credit {self.credited_lines} without one"
        )


def read_cancellations() -> Cancellations:
    """The cancellations in the event store."""
    sums = Cancellations()
    where = "WHERE event_type IN (%s, %s, %s, %s) ORDER BY position"
    types = (ItemsReturned, CreditNoteIssued, ReturnReversed, CreditNoteReversed)
    for stored in backend().select_events(where, [event_type.__name__ for event_type in types]):
        event = to_recorded_event(stored, registry).event
        sign = -1 if isinstance(event, ReturnReversed | CreditNoteReversed) else 1
        units = sign * sum(line.quantity for line in event.lines)
        amount = sign * sum((line.amount.amount for line in event.lines), Decimal(0))
        lines = sign * len(event.lines)
        if isinstance(event, ItemsReturned | ReturnReversed):
            sums = sums._replace(
                returned_lines=sums.returned_lines + lines,
                returned_units=sums.returned_units + units,
                returned_amount=sums.returned_amount + amount,
            )
        else:
            sums = sums._replace(
                credited_lines=sums.credited_lines + lines,
                credited_units=sums.credited_units + units,
                credited_amount=sums.credited_amount + amount,
                anonymous_lines=sums.anonymous_lines + (lines if event.customer_id is None else 0),
            )
    return sums


def read_model_sums() -> dict[str, Any]:
    """The same sums in the read models, by the names of `event_sums`."""
    returned = OrderLine.objects.aggregate(units=Sum("returned"), amount=Sum("refunded"))
    notes = OrderSummary.objects.filter(kind=OrderSummary.Kind.CREDIT_NOTE)
    credited = notes.aggregate(units=Sum("units"), amount=Sum("total"))
    return {
        "cancelled.units_returned": returned["units"] or 0,
        "cancelled.amount_returned": returned["amount"] or Decimal(0),
        "cancelled.units_credited": credited["units"] or 0,
        "cancelled.amount_credited": credited["amount"] or Decimal(0),
    }


def event_sums(cancelled: Cancellations) -> dict[str, Any]:
    """The sums to compare with the read models; amounts as text, as control totals are."""
    return {
        "cancelled.units_returned": cancelled.returned_units,
        "cancelled.amount_returned": str(cancelled.returned_amount),
        "cancelled.units_credited": cancelled.credited_units,
        "cancelled.amount_credited": str(cancelled.credited_amount),
    }
