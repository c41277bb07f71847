"""The staff's forms to ship, deliver, cancel or refund an order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from eventshop.admin_console.command_actions import AggregateCommandForm
from orders.domain.commands import CancelOrder, DeliverOrder, OrderCommand, ReturnItems, ReturnLine, ShipOrder
from orders.domain.order import Order

_MAX_LENGTH = 200


def _text_field(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "es-input"})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=_MAX_LENGTH, widget=widget)


class ShipForm(AggregateCommandForm[Order]):
    title = "Ship"
    effect = "The order becomes shipped and can no longer be cancelled. The customer sees carrier and tracking number."
    button = "Ship the order"
    outcome = "shipped"

    carrier = _text_field("Carrier")
    tracking = _text_field("Tracking number", "Leave empty if there is none.", required=False)

    def command(self, aggregate_id: UUID) -> OrderCommand:
        values = self.cleaned_data
        return ShipOrder(order_id=aggregate_id, carrier=values["carrier"], tracking=values.get("tracking", ""))

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return ShipOrder(order_id=aggregate_id, carrier="?")


class DeliverForm(AggregateCommandForm[Order]):
    title = "Mark delivered"
    effect = "The order becomes delivered."
    button = "Mark delivered"
    outcome = "delivered"

    received_by = _text_field("Received by", "Leave empty if nobody signed.", required=False)

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id=aggregate_id, received_by=self.cleaned_data["received_by"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id=aggregate_id)


class CancelForm(AggregateCommandForm[Order]):
    title = "Cancel"
    effect = "The order will not be fulfilled. What was paid is refunded. This cannot be undone."
    button = "Cancel the order"
    outcome = "cancelled"
    dangerous = True

    reason = _text_field("Reason", "It is stored with the order permanently.")

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return CancelOrder(order_id=aggregate_id, reason=self.cleaned_data["reason"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return CancelOrder(order_id=aggregate_id, reason="?")


class RefundForm(AggregateCommandForm[Order]):
    """One quantity per line that can still be returned; initially everything."""

    title = "Refund"
    effect = "The items below are returned and the customer is refunded what they cost. This cannot be undone."
    button = "Return and refund"
    outcome = "refunded"
    dangerous = True

    reference = _text_field("Reference", "The number of the return.")
    reason = _text_field("Reason")

    def __init__(self, state: Order, data: Any = None) -> None:
        super().__init__(state, data)
        self.fields["reference"].initial = f"R-{state.reference}"
        for line in state.lines_kept:
            self.fields[f"line_{line.line}"] = forms.IntegerField(
                label=f"Line {line.line}: {line.sku}",
                help_text=f"at most {line.quantity}, in total {line.amount}",
                min_value=0,
                max_value=line.quantity,
                initial=line.quantity,
                widget=forms.NumberInput(attrs={"class": "es-input"}),
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        numbers = [value for name, value in values.items() if name.startswith("line_")]
        if numbers and not any(numbers):
            raise forms.ValidationError("Nothing would be returned. Enter a quantity for at least one line.")
        return values

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return ReturnItems(
            order_id=aggregate_id,
            reference=self.cleaned_data["reference"],
            reason=self.cleaned_data["reason"],
            lines=tuple(
                ReturnLine(line=int(name.removeprefix("line_")), quantity=value)
                for name, value in self.cleaned_data.items()
                if name.startswith("line_") and value
            ),
        )

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return ReturnItems(order_id=aggregate_id, reference="?", reason="?", lines=self._first_piece())

    def _first_piece(self) -> tuple[ReturnLine, ...]:
        kept = self.state.lines_kept
        return (ReturnLine(line=kept[0].line if kept else 1, quantity=1),)
