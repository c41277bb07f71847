"""The dialogs of the staff's actions on orders: ship, deliver, cancel. Returns and observed facts are elsewhere."""

from __future__ import annotations

from uuid import UUID

from django import forms

from eventshop.admin_console.command_actions import AggregateCommandForm
from eventshop.core.human_text import ANY_TEXT, VISIBLE_TEXT
from eventshop.formats.form_fields import StrictIntegerField, TextField
from orders.application.data_uses import after_asking
from orders.domain.commands import CancelOrder, DeliverOrder, OrderCommand, ShipOrder
from orders.domain.order import Order


def text_field(label: str, help_text: str = "", *, required: bool = True) -> TextField:
    widget, rule = forms.TextInput(attrs={"class": "es-input"}), VISIBLE_TEXT if required else ANY_TEXT
    return TextField(rule=rule, label=label, help_text=help_text, required=required, widget=widget)


def quantity_field(label: str, help_text: str, *, at_most: int, initial: int = 0) -> StrictIntegerField:
    widget = forms.NumberInput(attrs={"class": "es-input"})
    return StrictIntegerField(
        label=label,
        help_text=help_text,
        min_value=0,
        max_value=at_most,
        initial=initial,
        required=False,
        widget=widget,
    )


class ShipForm(AggregateCommandForm[Order]):
    title = "Ship"
    effect = (
        "The order becomes shipped and can no longer be cancelled. What is authorised is taken now. The customer sees "
        "carrier and tracking number."
    )
    button = "Ship the order"
    outcome = "shipped"

    carrier = text_field("Carrier")
    tracking = text_field("Tracking number", "Leave empty if there is none.", required=False)

    def command(self, aggregate_id: UUID) -> OrderCommand:
        values = self.cleaned_data
        command = ShipOrder(order_id=aggregate_id, carrier=values["carrier"], tracking=values.get("tracking", ""))
        return after_asking(self.state, command)

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return ShipOrder(order_id=aggregate_id, carrier="?")


class DeliverForm(AggregateCommandForm[Order]):
    title = "Mark delivered"
    effect = "The order becomes delivered."
    button = "Mark delivered"
    outcome = "delivered"

    received_by = text_field("Received by", "Leave empty if nobody signed.", required=False)

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id=aggregate_id, received_by=self.cleaned_data["received_by"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id=aggregate_id)


class CancelForm(AggregateCommandForm[Order]):
    title = "Cancel"
    effect = (
        "The order will not be fulfilled. What was paid is refunded, what is authorised is released. This cannot be "
        "undone."
    )
    button = "Cancel the order"
    outcome = "cancelled"
    dangerous = True

    reason = text_field("Reason", "It is stored with the order permanently.")

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return CancelOrder(order_id=aggregate_id, reason=self.cleaned_data["reason"])

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return CancelOrder(order_id=aggregate_id, reason="?")
