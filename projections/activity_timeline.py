"""The activity timeline: one row per event, with a summary in words, but without anybody's own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, Meta
from eventshop.core.money import Money
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
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
from orders.domain.order_values import Line, LineAmount
from projections.models import ActivityTimeline
from projections.units import count_units

activity_timeline = Projection(ActivityTimeline, topic="activity-timeline-projection", version=4, shared_rows=False)

_PaymentEvent: TypeAlias = (
    PaymentRequested
    | PaymentAuthorised
    | PaymentVoided
    | PaymentDeclined
    | PaymentProcessed
    | RefundRequested
    | PaymentRefunded
)
_ObservableEvent: TypeAlias = (
    PaymentProcessed | OrderShipped | OrderDelivered | OrderCancelled | ItemsReturned | PaymentRefunded | LinesAdded
)
#: What has lines, a reference and a total.
_Document: TypeAlias = OrderCreated | LinesAdded | CreditNoteIssued | CreditNoteReversed


def event_key(event: Event, meta: Meta) -> UUID:
    """The row key: each event has a row of its own."""
    return meta.event_id


@activity_timeline.on(OrderCreated, dated_key=event_key)
def created(row: ActivityTimeline, event: OrderCreated, meta: Meta) -> None:
    _fill_document(row, event, meta, f"Order {event.reference}: {_line_count(len(event.lines))} for {event.total}")


@activity_timeline.on(CreditNoteIssued, dated_key=event_key)
def credited(row: ActivityTimeline, event: CreditNoteIssued, meta: Meta) -> None:
    _fill_document(row, event, meta, f"Credit note {event.reference} over {event.total}")


@activity_timeline.on(CreditNoteReversed, dated_key=event_key)
def credit_reversed(row: ActivityTimeline, event: CreditNoteReversed, meta: Meta) -> None:
    _fill_document(row, event, meta, f"Credit note {event.reference} over {event.total} reversed")


@activity_timeline.on(LinesAdded, dated_key=event_key)
def lines_added(row: ActivityTimeline, event: LinesAdded, meta: Meta) -> None:
    text = f"Order {event.reference}: {_line_count(len(event.lines))} for {event.total} added"
    _fill_document(row, event, meta, _mark_observed(event, text))


@activity_timeline.on(PaymentRequested, dated_key=event_key)
def payment_requested(row: ActivityTimeline, event: PaymentRequested, meta: Meta) -> None:
    fill_row(row, event, meta, f"Payment of {event.amount} requested by {event.method}")
    _fill_amount(row, event)


@activity_timeline.on(PaymentDeclined, dated_key=event_key)
def payment_declined(row: ActivityTimeline, event: PaymentDeclined, meta: Meta) -> None:
    by = f" by {event.method}" if event.method else ""
    fill_row(row, event, meta, f"Payment of {event.amount}{by} declined")
    _fill_amount(row, event)


@activity_timeline.on(PaymentAuthorised, dated_key=event_key)
def payment_authorised(row: ActivityTimeline, event: PaymentAuthorised, meta: Meta) -> None:
    fill_row(row, event, meta, f"{event.amount} set aside by {event.method}, to be taken when the order is shipped")
    _fill_amount(row, event)
    row.reference = event.reference


@activity_timeline.on(PaymentVoided, dated_key=event_key)
def payment_voided(row: ActivityTimeline, event: PaymentVoided, meta: Meta) -> None:
    fill_row(row, event, meta, f"{event.amount} no longer set aside; nothing was taken")
    _fill_amount(row, event)


@activity_timeline.on(PaymentProcessed, dated_key=event_key)
def paid(row: ActivityTimeline, event: PaymentProcessed, meta: Meta) -> None:
    fill_row(row, event, meta, _mark_observed(event, f"Paid {event.amount} by {event.method}"))
    _fill_goods(row, event.amount, event.lines)
    row.reference = event.reference


@activity_timeline.on(RefundRequested, dated_key=event_key)
def refund_requested(row: ActivityTimeline, event: RefundRequested, meta: Meta) -> None:
    fill_row(row, event, meta, f"Refund of {event.amount} asked of the payment gateway")
    _fill_amount(row, event)
    row.reference = event.reference


@activity_timeline.on(PaymentRefunded, dated_key=event_key)
def refunded(row: ActivityTimeline, event: PaymentRefunded, meta: Meta) -> None:
    fill_row(row, event, meta, _mark_observed(event, f"Refunded {event.amount}"))
    _fill_amount(row, event)
    row.reference = event.reference


@activity_timeline.on(OrderShipped, dated_key=event_key)
def shipped(row: ActivityTimeline, event: OrderShipped, meta: Meta) -> None:
    fill_row(row, event, meta, _mark_observed(event, "Shipped"))


@activity_timeline.on(OrderDelivered, dated_key=event_key)
def delivered(row: ActivityTimeline, event: OrderDelivered, meta: Meta) -> None:
    fill_row(row, event, meta, _mark_observed(event, "Delivered and signed for" if event.received_by else "Delivered"))


@activity_timeline.on(OrderCancelled, dated_key=event_key)
def cancelled(row: ActivityTimeline, event: OrderCancelled, meta: Meta) -> None:
    fill_row(row, event, meta, _mark_observed(event, f"Order {event.reference} cancelled"))
    row.reference = event.reference
    row.lines, row.units = len(event.lines), count_units(event.lines)


@activity_timeline.on(ReturnRequested, dated_key=event_key)
def return_requested(row: ActivityTimeline, event: ReturnRequested, meta: Meta) -> None:
    units = count_units(event.lines)
    fill_row(row, event, meta, f"Return {event.reference} of {_piece_count(units)} asked for ({event.requested_by})")
    row.reference, row.lines, row.units = event.reference, len(event.lines), units


@activity_timeline.on(ReturnAccepted, dated_key=event_key)
def return_accepted(row: ActivityTimeline, event: ReturnAccepted, meta: Meta) -> None:
    fill_row(row, event, meta, f"Return {event.reference} accepted")
    row.reference = event.reference


@activity_timeline.on(ReturnDeclined, dated_key=event_key)
def return_declined(row: ActivityTimeline, event: ReturnDeclined, meta: Meta) -> None:
    fill_row(row, event, meta, f"Return {event.reference} declined")
    row.reference = event.reference


@activity_timeline.on(ItemsReturned, dated_key=event_key)
def returned(row: ActivityTimeline, event: ItemsReturned, meta: Meta) -> None:
    units, damaged = count_units(event.lines), count_units(event.damaged)
    state = f", {damaged} damaged" if damaged else ""
    text = f"{_piece_count(units)} of {_line_count(len(event.lines))} returned{state}"
    fill_row(row, event, meta, _mark_observed(event, text))
    row.reference = event.reference
    row.lines, row.units = len(event.lines), units


@activity_timeline.on(ReturnReversed, dated_key=event_key)
def return_reversed(row: ActivityTimeline, event: ReturnReversed, meta: Meta) -> None:
    fill_row(row, event, meta, f"Return {event.reference} of {_piece_count(count_units(event.lines))} reversed")
    _fill_goods(row, event.refunded, event.lines)
    row.reference = event.reference


@activity_timeline.on(ReturnWindowClosed, dated_key=event_key)
def return_window_closed(row: ActivityTimeline, event: ReturnWindowClosed, meta: Meta) -> None:
    fill_row(row, event, meta, "The time to ask for a return is over")


@activity_timeline.on(RuleBroken, dated_key=event_key)
def rule_broken(row: ActivityTimeline, event: RuleBroken, meta: Meta) -> None:
    fill_row(row, event, meta, f"To review, {event.rule}: {event.detail}")


def fill_row(row: ActivityTimeline, event: Event, meta: Meta, summary: str) -> None:
    """Set the columns that every event has."""
    row.position, row.at, row.recorded_at = meta.position, meta.occurred_at, meta.recorded_at
    row.aggregate_type, row.aggregate_id, row.version = meta.aggregate_type, meta.aggregate_id, meta.version
    row.event_type, row.actor, row.correlation_id = meta.event_type, meta.actor, meta.correlation_id
    row.summary = summary[:500]
    row.customer_id = getattr(event, "customer_id", None)


def _fill_amount(row: ActivityTimeline, event: _PaymentEvent) -> None:
    row.amount, row.currency = event.amount.amount, event.amount.currency


def _fill_document(row: ActivityTimeline, event: _Document, meta: Meta, summary: str) -> None:
    fill_row(row, event, meta, summary)
    _fill_goods(row, event.total, event.lines)
    row.reference = event.reference


def _fill_goods(row: ActivityTimeline, amount: Money, lines: Sequence[Line | LineAmount]) -> None:
    row.amount, row.currency = amount.amount, amount.currency
    row.lines, row.units = len(lines), count_units(lines)


def _mark_observed(event: _ObservableEvent, text: str) -> str:
    """The sentence, marked if the shop only observed it."""
    return f"{text} (observed)" if event.observed else text


def _line_count(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _piece_count(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
