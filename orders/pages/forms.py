"""What customers fill in: how much of something, the last check, why an order is cancelled, what comes back."""

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
    """How many pieces."""

    quantity = forms.IntegerField(
        label="How many",
        min_value=0,
        max_value=MAX_QUANTITY,
        widget=forms.NumberInput(attrs=_NUMBER_ATTRS),
        error_messages={"required": "Say how many", "invalid": "Give a number"},
    )


class CheckoutForm(CommandForm):
    """The order as it was shown: its id, and what it was to cost."""

    total = forms.CharField(widget=forms.HiddenInput, max_length=50)

    def __init__(self, consent_options: Sequence[ConsentOption], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.consent_options = consent_options
        # Whatever else is ticked (an answer given elsewhere meanwhile) does not keep anybody from ordering.
        ticked = data.getlist("agree") if data else []
        self.ticked = [wish for wish in consent_options if wish.term in ticked]


class CancelForm(CommandForm):
    """Why."""

    reason = forms.ChoiceField(
        label="Why do you cancel?",
        choices=[
            ("I changed my mind", "I changed my mind"),
            ("I ordered by mistake", "I ordered by mistake"),
            ("It takes too long", "It takes too long"),
            ("another reason", "Another reason"),
        ],
    )


class ReturnForm(CommandForm):
    """How many pieces of each line come back, and why."""

    def __init__(self, order: Order, names: dict[int, str], data: Any = None) -> None:
        super().__init__(data)
        for line in order.lines_kept:
            self.fields[f"line_{line.line}"] = forms.IntegerField(
                label=f"{names[line.line]}: how many come back",
                help_text=f"You have {line.quantity}.",
                min_value=0,
                max_value=line.quantity,
                initial=0,
                widget=forms.NumberInput(attrs=_NUMBER_ATTRS),
                error_messages={"required": "Say how many, 0 for none"},
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
        pieces = [value for name, value in values.items() if name.startswith("line_")]
        if not self.errors and not any(pieces):
            raise forms.ValidationError("Say of at least one thing how many come back")
        return values

    @property
    def lines(self) -> tuple[ReturnLine, ...]:
        return tuple(
            ReturnLine(int(name.removeprefix("line_")), value)
            for name, value in self.cleaned_data.items()
            if name.startswith("line_") and value
        )
