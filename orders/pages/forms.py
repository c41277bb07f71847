"""What customers fill in: how much of something, the last check, why an order is cancelled, what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from eventshop.web.pages.command_form import FormId
from eventshop.web.shared.customer_port import Wish
from orders.application.basket import MOST_PIECES
from orders.domain.commands import ReturnLine
from orders.domain.order import Order

_LONGEST = 200
_NUMBER = {"inputmode": "numeric", "autocomplete": "off"}


class QuantityForm(forms.Form):
    """How many pieces."""

    quantity = forms.IntegerField(
        label="How many",
        min_value=0,
        max_value=MOST_PIECES,
        widget=forms.NumberInput(attrs=_NUMBER),
        error_messages={"required": "Say how many", "invalid": "Give a number"},
    )


class CheckoutForm(FormId):
    """The order as it was shown: its id, and what it was to cost."""

    total = forms.CharField(widget=forms.HiddenInput, max_length=50)

    def __init__(self, wishes: Sequence[Wish], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.wishes = wishes
        # Whatever else is ticked (an answer given elsewhere meanwhile) does not keep anybody from ordering.
        ticked = data.getlist("agree") if data else []
        self.ticked = [wish for wish in wishes if wish.term in ticked]


class CancelForm(FormId):
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


class ReturnForm(FormId):
    """How many pieces of each line come back, and why."""

    def __init__(self, order: Order, names: dict[int, str], data: Any = None) -> None:
        super().__init__(data)
        for line in order.kept:
            self.fields[f"line_{line.line}"] = forms.IntegerField(
                label=f"{names[line.line]}: how many come back",
                help_text=f"You have {line.quantity}.",
                min_value=0,
                max_value=line.quantity,
                initial=0,
                widget=forms.NumberInput(attrs=_NUMBER),
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
