"""The returns of an order as steps: asked for, accepted or declined, received, refunded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from eventshop.core.messages import RecordedEvent
from eventshop.core.money import Money
from orders.application.order_timeline import count_items, format_money
from orders.domain.events import (
    ItemsReturned,
    LineAmount,
    OrderEvent,
    PaymentRefunded,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
)
from orders.domain.order import Order
from orders.domain.returns import returnable_quantity


class ReturnStep(NamedTuple):
    """One step of a return. `tone` is a CSS class of the timeline: `done`, `bad`, `now`, or empty for one to come."""

    text: str
    tone: str
    at: datetime | None = None


class ReturnCase:
    """One return, as its customer sees it."""

    def __init__(self, reference: str, lines: tuple[LineAmount, ...], reason: str, asked_at: datetime) -> None:
        self.reference, self.lines, self.reason, self.asked_at = reference, lines, reason, asked_at
        self.accepted_at: datetime | None = None
        self.declined: tuple[datetime, str] | None = None
        self.received: list[tuple[datetime, ItemsReturned]] = []
        self.refunds_asked: list[Money] = []
        self.refunds: list[tuple[datetime, Money]] = []

    @property
    def steps(self) -> list[ReturnStep]:
        """What has happened and what comes next."""
        asked = ReturnStep(f"You asked to return {count_items(self.lines)}: {self.reason}.", "done", self.asked_at)
        if self.declined:
            at, reason = self.declined
            return [asked, ReturnStep(f"We declined it: {reason}.", "bad", at)]
        if self.accepted_at is None:
            return [asked, ReturnStep("We are looking at your request.", "now"), *self._steps_to_come("accept")]
        accepted = ReturnStep("We accepted it. Please send the items to us.", "done", self.accepted_at)
        return [asked, accepted, *self._received_steps(), *self._refund_steps()]

    @property
    def quantity_open(self) -> int:
        """The units that were asked for and have not come back."""
        back = sum(line.quantity for _, event in self.received for line in event.lines)
        return sum(line.quantity for line in self.lines) - back

    def _received_steps(self) -> list[ReturnStep]:
        steps = [
            ReturnStep(f"We received {count_items(event.lines)}{_condition(event)}.", "done", at)
            for at, event in self.received
        ]
        return steps + ([ReturnStep("The items are on their way to us.", "now")] if self.quantity_open else [])

    def _refund_steps(self) -> list[ReturnStep]:
        steps = [ReturnStep(f"We gave you {format_money(amount)} back.", "done", at) for at, amount in self.refunds]
        if len(self.refunds_asked) > len(self.refunds):
            return [*steps, ReturnStep("We are giving you the money back.", "now")]
        return steps or ([] if self.received else self._steps_to_come("receive"))

    def _steps_to_come(self, after: str) -> list[ReturnStep]:
        receive, refund = ReturnStep("We receive the items.", ""), ReturnStep("We give you the money back.", "")
        return [receive, refund] if after == "accept" else [refund]


def _condition(event: ItemsReturned) -> str:
    return f", {sum(line.quantity for line in event.damaged)} of them damaged" if event.damaged else ""


def collect_returns(events: Iterable[RecordedEvent[OrderEvent]]) -> list[ReturnCase]:
    """The returns of an order in the order in which they were asked for.

    A return that was recorded without being asked for (by an earlier release, or observed elsewhere) is none of them.
    """
    cases: dict[str, ReturnCase] = {}
    for recorded in events:
        event, at = recorded.event, recorded.meta.occurred_at
        if isinstance(event, ReturnRequested):
            cases[event.reference] = ReturnCase(event.reference, event.lines, str(event.reason), at)
        case = cases.get(getattr(event, "reference", ""))
        if case is None:
            continue
        match event:
            case ReturnAccepted():
                case.accepted_at = at
            case ReturnDeclined(reason=reason):
                case.declined = (at, str(reason))
            case ItemsReturned():
                case.received.append((at, event))
            case RefundRequested(amount=amount):
                case.refunds_asked.append(amount)
            case PaymentRefunded(amount=amount):
                case.refunds.append((at, amount))
            case _:
                pass
    return list(cases.values())


def returnable_lines(order: Order) -> tuple[LineAmount, ...]:
    """The products that a customer has and has not asked to return, line by line."""
    products = (line for line in order.lines if line.kind == "product")
    return tuple(line.amount_of(left) for line in products if (left := returnable_quantity(order, line)) > 0)
