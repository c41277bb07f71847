"""The dialog that records what happened to an order elsewhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import RegexValidator

from eventshop.admin_console.command_actions import AggregateCommandForm
from eventshop.core.errors import InvalidMessage
from eventshop.core.money import Money
from eventshop.formats.form_fields import StrictDecimalField
from orders.admin.forms import quantity_field, text_field
from orders.application.observed_facts import ObservedFact
from orders.domain.commands import OrderCommand, RecordObservedPayment, ReturnLine
from orders.domain.order import Order

_KINDS = (
    ("payment", "Payment: amount, method, perhaps reference"),
    ("shipment", "Shipment: carrier, perhaps tracking number"),
    ("delivery", "Delivery: perhaps received by"),
    ("cancellation", "Cancellation: reason"),
    ("return", "Return: reference, quantities, reason"),
    ("refund", "Refund: reference, amount, reason"),
)
#: As `PaymentMethod`.
_check_method = RegexValidator(
    r"^[a-z0-9][a-z0-9_-]{0,39}\Z", "Write a method as card or bank_transfer: in small letters."
)
#: As `Quantity`: more may come back than the customer had.
_MOST_RETURNED = 10_000_000
_TEXTS = ("method", "carrier", "tracking", "received_by", "reference", "reason")


class ObserveForm(AggregateCommandForm[Order]):
    """Only the fields of the chosen kind may be filled."""

    title = "Record a fact for"
    effect = (
        "What happened elsewhere is recorded, in any state, and marked as observed. No money is moved and no stock is "
        "changed. If it breaks a rule, the order is listed for review. This cannot be undone."
    )
    button = "Record the fact"
    outcome = "recorded"
    dangerous = True

    kind = forms.ChoiceField(label="What happened?", choices=_KINDS, widget=forms.Select(attrs={"class": "es-input"}))
    method = text_field("Method", "Of a payment, such as invoice.", required=False)
    carrier = text_field("Carrier", required=False)
    tracking = text_field("Tracking number", required=False)
    received_by = text_field("Received by", required=False)
    reference = text_field(
        "Reference",
        "Of the payment, the return or the refund. One with reference and amount of a requested refund settles it.",
        required=False,
    )
    reason = text_field("Reason", required=False)

    def __init__(self, state: Order, data: Any = None) -> None:
        super().__init__(state, data)
        self.fields["method"].validators.append(_check_method)
        self.fields["amount"] = StrictDecimalField(
            label=f"Amount in {state.total.currency}",
            required=False,
            min_value=0,
            widget=forms.NumberInput(attrs={"class": "es-input", "step": "any"}),
        )
        for line in state.lines:
            if line.kind == "product":
                label, kept = f"Returned of line {line.line}: {line.sku}", f"The customer has {line.quantity_left}."
                self.fields[f"line_{line.line}"] = quantity_field(label, kept, at_most=_MOST_RETURNED)
        self.order_fields(["command_id", "kind", "amount", "method"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            try:
                self.fact = self._fact(values)
            except InvalidMessage as error:
                raise forms.ValidationError(
                    f"{error.message[:1].upper()}{error.message[1:]}.", code=error.code
                ) from error
        return values

    def _fact(self, values: dict[str, Any]) -> ObservedFact:
        """What was entered. Raises `InvalidMessage` for a field that is missing or belongs to another kind."""
        texts = {name: values[name] for name in _TEXTS if values.get(name)}
        amount = values.get("amount")
        return ObservedFact(
            kind=values["kind"],
            amount=None if amount is None else Money(amount, self.state.total.currency),
            lines=tuple(
                ReturnLine(line=int(name.removeprefix("line_")), quantity=value)
                for name, value in values.items()
                if name.startswith("line_") and value
            ),
            **texts,
        )

    def command(self, aggregate_id: UUID) -> OrderCommand:
        return self.fact.command(aggregate_id)

    def probe(self, aggregate_id: UUID) -> OrderCommand:
        return RecordObservedPayment(aggregate_id, self.state.total, "other", "?")
