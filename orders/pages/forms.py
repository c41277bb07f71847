"""The customers' forms: quantity, checkout, cancellation and return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from eventshop.web.pages.command_form import CommandForm
from eventshop.web.shared.customer_port import ConsentOption
from orders.application.basket import MAX_QUANTITY
from orders.domain.commands import ReturnLine
from orders.domain.order import Order

_MAX_LENGTH = 200
_NUMBER_ATTRS = {"inputmode": "numeric", "autocomplete": "off"}


class QuantityForm(forms.Form):
    """The quantity of a product."""

    quantity = forms.IntegerField(
        label="Quantity",
        min_value=0,
        max_value=MAX_QUANTITY,
        widget=forms.NumberInput(attrs=_NUMBER_ATTRS),
        error_messages={"required": "Enter a quantity", "invalid": "Enter a number"},
    )


class CheckoutForm(CommandForm):
    """The confirmation of an order: the id of the form, the total that was shown, and the consents that were ticked."""

    total = forms.CharField(widget=forms.HiddenInput, max_length=50)

    def __init__(self, consent_options: Sequence[ConsentOption], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.consent_options = consent_options
        # A consent that is no longer offered (answered elsewhere meanwhile) is ignored and does not block the order.
        ticked = data.getlist("agree") if data else []
        self.ticked = [option for option in consent_options if option.term in ticked]


class CancelForm(CommandForm):
    """The reason of a cancellation."""

    reason = forms.ChoiceField(
        label="Why do you want to cancel?",
        choices=[
            ("I changed my mind", "I changed my mind"),
            ("I ordered by mistake", "I ordered by mistake"),
            ("It takes too long", "It takes too long"),
            ("another reason", "Another reason"),
        ],
    )


class ReturnForm(CommandForm):
    """The quantity to return of each line, and the reason."""

    def __init__(self, order: Order, names: dict[int, str], data: Any = None) -> None:
        super().__init__(data)
        for line in order.lines_kept:
            self.fields[f"line_{line.line}"] = forms.IntegerField(
                label=f"{names[line.line]}: quantity to return",
                help_text=f"You have {line.quantity}.",
                min_value=0,
                max_value=line.quantity,
                initial=0,
                widget=forms.NumberInput(attrs=_NUMBER_ATTRS),
                error_messages={"required": "Enter a quantity, or 0 for none"},
            )
        self.fields["reason"] = forms.ChoiceField(
            label="Why?",
            choices=[
                ("does not suit me", "It does not suit me"),
                ("broken or faulty", "It is broken or faulty"),
                ("not what I ordered", "It is not what I ordered"),
            ],
        )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        quantities = [value for name, value in values.items() if name.startswith("line_")]
        if not self.errors and not any(quantities):
            raise forms.ValidationError("Enter a quantity for at least one item", code="nothing-to-return")
        return values

    @property
    def lines(self) -> tuple[ReturnLine, ...]:
        return tuple(
            ReturnLine(int(name.removeprefix("line_")), value)
            for name, value in self.cleaned_data.items()
            if name.startswith("line_") and value
        )
