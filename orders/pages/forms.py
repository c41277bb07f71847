"""The customers' forms: quantity, checkout, payment, cancellation and return."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django import forms
from django.http import QueryDict

from eventshop.core.currencies import decimals_of, smallest_payment
from eventshop.core.human_text import NAME
from eventshop.core.messages import new_id
from eventshop.core.money import Money
from eventshop.formats.form_fields import PostalAddressField, StrictDecimalField, StrictIntegerField, TextField
from eventshop.web.pages.command_form import CommandForm
from eventshop.web.shared.customer_port import ConsentOption
from orders.application.basket import MAX_QUANTITY
from orders.application.order_timeline import format_money, method_name
from orders.application.payment_methods import METHOD_LABELS
from orders.domain.commands import ReturnLine
from orders.domain.events import LineAmount
from orders.models import Category

_NUMBER_ATTRS = {"inputmode": "numeric", "autocomplete": "off"}


class QuantityForm(forms.Form):
    """The quantity of a product."""

    quantity = StrictIntegerField(
        label="Quantity",
        min_value=0,
        max_value=MAX_QUANTITY,
        widget=forms.NumberInput(attrs=_NUMBER_ATTRS),
        error_messages={"required": "Enter a quantity", "invalid": "Enter a number"},
    )


class ShelfForm(forms.Form):
    """What of the catalogue is shown, and in which order. Nonsense is as if it had not been given."""

    SORTS: ClassVar = {
        "name": "Name",
        "price": "Cheapest first",
        "-price": "Dearest first",
        "-added_at": "Newest first",
    }

    q = forms.CharField(required=False, max_length=100)
    category = forms.ModelChoiceField(Category.objects.all(), required=False)
    least = StrictDecimalField(required=False, min_value=0, max_value=10**9)
    most = StrictDecimalField(required=False, min_value=0, max_value=10**9)
    stock = forms.BooleanField(required=False)
    sort = forms.ChoiceField(choices=list(SORTS.items()), required=False)

    @property
    def chosen(self) -> dict[str, Any]:
        """The valid values that were given."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "", False)}


class DeliveryAddressForm(CommandForm):
    """Where an order is delivered to."""

    name = TextField(
        rule=NAME, label="Your name", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": "Enter your name"},
    )  # fmt: skip
    address = PostalAddressField()
    field_order = ("form_id", "name", "address")


class ChoiceOfOne(forms.Form):
    """One of several options, such as the ways to deliver an order."""

    def __init__(self, label: str, choices: Sequence[tuple[str, str]], chosen: str, data: Any = None) -> None:
        super().__init__(data, initial={"choice": chosen})
        self.fields["choice"] = forms.ChoiceField(
            label=label,
            choices=choices,
            widget=forms.RadioSelect,
            error_messages={"required": "Choose one of these", "invalid_choice": "Choose one of these"},
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


class PaymentForm(CommandForm):
    """How to pay, and how much of what is outstanding; without an amount, all of it."""

    method = forms.ChoiceField(
        label="How do you want to pay?",
        choices=list(METHOD_LABELS.items()),
        initial="card",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how you want to pay", "invalid_choice": "Choose one of these"},
    )

    def __init__(self, outstanding: Money, data: Any = None) -> None:
        super().__init__(data)
        self.outstanding = outstanding
        smallest = smallest_payment(outstanding.currency)
        self.fields["amount"] = StrictDecimalField(
            label=f"How much do you want to pay now, in {outstanding.currency}?",
            help_text=f"{format_money(outstanding)} is to pay. You can pay a part now and the rest in another way.",
            required=False,
            min_value=smallest,
            max_value=outstanding.amount,
            decimal_places=decimals_of(outstanding.currency),
            initial=outstanding.amount,
            widget=forms.NumberInput(attrs={"inputmode": "decimal", "autocomplete": "off", "step": str(smallest)}),
            error_messages={
                "invalid": "Enter an amount, such as 12.50",
                "max_value": f"At most {format_money(outstanding)} is to pay",
            },
        )

    @property
    def amount(self) -> Money:
        amount = self.cleaned_data["amount"]
        return self.outstanding if amount is None else Money(amount, self.outstanding.currency)


class PaymentButton(NamedTuple):
    """A form of one button, which pays all that is outstanding."""

    method: str
    name: str
    form_id: UUID


def payment_buttons() -> list[PaymentButton]:
    """One button for each means of payment."""
    return [PaymentButton(method, method_name(method), new_id()) for method in METHOD_LABELS]


class CancelForm(CommandForm):
    """The reason of a cancellation."""

    reason = forms.ChoiceField(
        label="Why do you want to cancel?",
        help_text="You need no reason.",
        required=False,
        choices=[
            ("", "No reason"),
            ("I changed my mind", "I changed my mind"),
            ("I ordered by mistake", "I ordered by mistake"),
            ("It takes too long", "It takes too long"),
            ("another reason", "Another reason"),
        ],
    )


class ReturnForm(CommandForm):
    """The quantity to return of each line, and the reason."""

    def __init__(self, returnable: Iterable[LineAmount], names: dict[int, str], data: Any = None) -> None:
        super().__init__(data)
        for line in returnable:
            self.fields[f"line_{line.line}"] = StrictIntegerField(
                label=f"{names[line.line]}: quantity to return",
                help_text=f"You can return {line.quantity}.",
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
