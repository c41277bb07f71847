"""The dialogs of returns: staff ask for a customer, accept, decline, and say what came back."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import RegexValidator

from eventshop.admin_console.command_actions import AggregateCommandForm
from orders.admin.forms import quantity_field, text_field
from orders.application.order_returns import returnable_lines
from orders.domain.commands import (
    AcceptReturn,
    DeclineReturn,
    OrderCommand,
    ReceivedLine,
    ReceiveReturn,
    RequestReturn,
    ReturnLine,
)
from orders.domain.order import Order
from orders.domain.return_state import ReturnState, ReturnStatus

_CONDITIONS = ("resellable", "damaged")


def _returns(order: Order, status: ReturnStatus) -> list[ReturnState]:
    """The returns in this state of which something has not come back."""
    return [one for one in order.returns if one.status == status and any(one.left(line) for line in one.asked)]


def _name_units(order: Order, quantities: Any) -> str:
    return ", ".join(f"{quantity} × {order.lines[line - 1].sku}" for line, quantity in quantities.items())


class RequestReturnForm(AggregateCommandForm[Order]):
    """One quantity per line that can still be returned."""

    title = "Ask for a return of"
    effect = "A return is asked for on behalf of the customer. Nothing is refunded until it is accepted and received."
    button = "Ask for the return"
    outcome = "asked to be returned"

    reference = text_field("Reference", "The number of the return.")
    reason = text_field("Reason")

    def __init__(self, state: Order, data: Any = None) -> None:
        super().__init__(state, data)
        reference = self.fields["reference"]
        reference.initial = f"R-{state.reference}-{len(state.returns) + 1}"
        # It stays in clear for ever, so it must not be a text.
        reference.validators.append(
            RegexValidator(rf"^R-{re.escape(state.reference)}-[0-9]{{1,4}}\Z", code="not-a-number")
        )
        for line in returnable_lines(state):
            self.fields[f"line_{line.line}"] = quantity_field(
                f"Line {line.line}: {line.sku}",
                f"at most {line.quantity}, in total {line.amount}",
                at_most=line.quantity,
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not _quantities(values):
            raise forms.ValidationError("Nothing would be returned. Enter a quantity for at least one line.")
        return values

    def command(self, aggregate_id: UUID) -> OrderCommand:
        lines = tuple(ReturnLine(line, quantity) for line, quantity in _quantities(self.cleaned_data).items())
        return RequestReturn(
            aggregate_id, self.cleaned_data["reference"], lines, self.cleaned_data["reason"], requested_by="staff"
        )

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        line = next((line.line for line in returnable_lines(self.state)), 1)
        return RequestReturn(aggregate_id, "a new one", (ReturnLine(line, 1),), "?", requested_by="staff")


class _ReturnForm(AggregateCommandForm[Order]):
    """A decision about one of the returns that were asked for."""

    dangerous = False

    def __init__(self, state: Order, data: Any = None) -> None:
        super().__init__(state, data)
        self.open = _returns(state, "requested")
        self.fields["reference"] = forms.ChoiceField(
            label="Return",
            choices=[(one.reference, f"{one.reference}: {_name_units(state, one.asked)}") for one in self.open],
            widget=forms.Select(attrs={"class": "es-input"}),
        )
        self.order_fields(["command_id", "reference"])

    @property
    def first_reference(self) -> str:
        return self.open[0].reference if self.open else "?"


class AcceptReturnForm(_ReturnForm):
    title = "Accept a return of"
    effect = "The customer is told to send the items. They are refunded when they were received."
    button = "Accept the return"
    outcome = "accepted for return"

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return AcceptReturn(aggregate_id, self.cleaned_data["reference"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return AcceptReturn(aggregate_id, self.first_reference)


class DeclineReturnForm(_ReturnForm):
    title = "Decline a return of"
    effect = "The customer sees the reason. Nothing is refunded."
    button = "Decline the return"
    outcome = "declined for return"
    dangerous = True

    reason = text_field("Reason", "The customer reads it.")

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return DeclineReturn(aggregate_id, self.cleaned_data["reference"], self.cleaned_data["reason"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return DeclineReturn(aggregate_id, self.first_reference, "?")


class ReceiveReturnForm(AggregateCommandForm[Order]):
    """For each line of the accepted returns: how many came back and can be sold again, and how many are damaged."""

    title = "Receive a return of"
    effect = (
        "What came back is refunded. Resellable items are received into stock, damaged ones are written off. This "
        "cannot be undone."
    )
    button = "Receive and refund"
    outcome = "received"
    dangerous = True

    def __init__(self, state: Order, data: Any = None) -> None:
        super().__init__(state, data)
        self.open = _returns(state, "accepted")
        for number, one in enumerate(self.open):
            for line in one.asked:
                for condition in _CONDITIONS if one.left(line) else ():
                    self.fields[f"{condition}_{number}_{line}"] = quantity_field(
                        f"{one.reference}, {state.lines[line - 1].sku}: {condition}",
                        f"at most {one.left(line)} of this line",
                        at_most=one.left(line),
                        # The usual case needs no typing: one return, complete and undamaged.
                        initial=one.left(line) if condition == "resellable" and len(self.open) == 1 else 0,
                    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            numbers = {name.split("_")[1] for name, value in values.items() if name.startswith(_CONDITIONS) and value}
            if len(numbers) != 1:
                raise forms.ValidationError("Enter what came back of one return.", code="one-return")
            self.received = self.open[int(numbers.pop())]
        return values

    def command(self, aggregate_id: UUID) -> OrderCommand:
        lines = []
        for name, value in self.cleaned_data.items():
            if name.startswith(_CONDITIONS) and value:
                condition, _, line = name.split("_")
                lines.append(ReceivedLine(int(line), value, "damaged" if condition == "damaged" else "resellable"))
        return ReceiveReturn(aggregate_id, self.received.reference, tuple(lines))

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        if not self.open:
            return ReceiveReturn(aggregate_id, "?", (ReceivedLine(1, 1),))
        one = self.open[0]
        line = next(line for line in one.asked if one.left(line))
        return ReceiveReturn(aggregate_id, one.reference, (ReceivedLine(line, 1),))


def _quantities(values: dict[str, Any]) -> dict[int, int]:
    """The quantities by line that were entered and are above zero."""
    return {
        int(name.removeprefix("line_")): value for name, value in values.items() if name.startswith("line_") and value
    }
