"""Plays one order of the demo: each command is decided at once, so that a script can answer for the payment gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from orders.domain.commands import (
    AcceptReturn,
    AuthorisePayment,
    DeclinePayment,
    OrderCommand,
    ProcessPayment,
    ReceivedLine,
    ReceiveReturn,
    RecordRefund,
    RecordVoid,
    RequestPayment,
    RequestReturn,
    ReturnLine,
)
from orders.domain.events import OrderEvent, PaymentAuthorised, PaymentRequested, RefundRequested
from orders.domain.order import Order


class DemoStep(NamedTuple):
    """One command of the demo data: when it occurs, in which correlation, by whom, and how many events precede it."""

    occurs_at: datetime
    correlation_id: UUID
    actor: str
    command: Command
    sequence: int = 0

    def envelope(self, namespace: str) -> Envelope:
        """An envelope with an id of its own, so that a second run sends the same command."""
        return Envelope(
            command_id=derive_id(namespace, self.correlation_id, self.sequence),
            actor=self.actor,
            occurred_at=self.occurs_at,
            correlation_id=self.correlation_id,
            sequence_number=self.sequence,
        )


class OrderScript:
    """One order: its clock, its state, and the steps so far."""

    def __init__(self, order_id: UUID, placed_at: datetime) -> None:
        self.order_id, self.now = order_id, placed_at
        self.order, self.steps, self._sequence = Order(), list[DemoStep](), 0
        self.authorised: PaymentAuthorised | None = None

    def wait(self, after: timedelta) -> None:
        self.now += after

    def send(self, actor: str, command: OrderCommand) -> list[OrderEvent]:
        """Add the command; gives its events. Raises what `decide` raises."""
        events = self.order.decide(command)
        self.order = self.order.evolve_all(events)
        self.steps.append(DemoStep(self.now, self.order_id, actor, command, self._sequence))
        self._sequence += len(events)
        return events

    def request_payment(self, actor: str, method: str, amount: Money | None = None) -> PaymentRequested:
        return cast(PaymentRequested, self.send(actor, RequestPayment(self.order_id, method, amount))[0])

    def take_payment(self, requested: PaymentRequested | PaymentAuthorised) -> None:
        """The gateway takes what was requested or authorised."""
        payment_id = cast(UUID, requested.payment_id)
        charge_id = derive_id("demo-charge", payment_id)
        command = ProcessPayment(
            self.order_id, requested.amount, requested.method, payment_id, charge_id, processed_at=self.now
        )
        self.send("payments", command)

    def authorise_payment(self, requested: PaymentRequested) -> PaymentAuthorised:
        """The gateway sets aside what was requested."""
        payment_id = cast(UUID, requested.payment_id)
        charge_id = derive_id("demo-charge", payment_id)
        command = AuthorisePayment(
            self.order_id, requested.amount, requested.method, payment_id, charge_id, authorised_at=self.now
        )
        self.authorised = cast(PaymentAuthorised, self.send("payments", command)[0])
        return self.authorised

    def void_payment(self, authorised: PaymentAuthorised) -> None:
        command = RecordVoid(self.order_id, authorised.payment_id, authorised.amount, authorised.charge_id)
        self.send("payments", command)

    def decline_payment(self, requested: PaymentRequested, reason: str) -> None:
        command = DeclinePayment(self.order_id, reason, requested.payment_id, requested.method)
        self.send("payments", command)

    def refund(self, events: list[OrderEvent], after: timedelta = timedelta(minutes=2)) -> None:
        """The gateway gives back what these events ask for."""
        for event in events:
            if isinstance(event, RefundRequested):
                self.wait(after)
                self.send("payments", RecordRefund(self.order_id, event.refund_id, event.amount, self.now))

    def request_return(self, actor: str, reference: str, lines: tuple[ReturnLine, ...], reason: str) -> None:
        self.send(actor, RequestReturn(self.order_id, reference, lines, reason))

    def receive_return(self, reference: str, lines: tuple[ReturnLine, ...], *, damaged: bool = False) -> None:
        """The shop accepts the return, receives all of it after some days, and gives the money back."""
        self.send("customer service", AcceptReturn(self.order_id, reference))
        self.wait(timedelta(days=3))
        received = tuple(
            ReceivedLine(line.line, line.quantity, "damaged" if damaged else "resellable") for line in lines
        )
        self.refund(self.send("warehouse", ReceiveReturn(self.order_id, reference, received)))


def add_envelopes(steps: list[DemoStep], namespace: str = "demo-command") -> Iterator[tuple[Command, Envelope]]:
    """The commands with their envelopes, in the order of the steps."""
    for step in steps:
        yield step.command, step.envelope(namespace)
