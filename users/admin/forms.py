"""Forms of the dialogs in which staff display personal data and place or release legal holds."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from eventshop.core.human_text import VISIBLE_TEXT
from eventshop.core.messages import new_id
from eventshop.formats.form_fields import TextField

#: Personal fields that staff can display, with their labels.
PERSONAL_FIELDS: Final = {
    "name": "Name",
    "email": "E-mail address",
    "phone": "Phone number",
    "address": "Address",
    "address_book": "Address book",
}


def _text_input() -> forms.TextInput:
    """A text input with the border of the console's style sheet."""
    return forms.TextInput(attrs={"class": "es-input"})


class StaffForm(forms.Form):
    """Base of the dialogs. `effect` is the text above the form; `dangerous` colours the button."""

    effect = ""
    button = ""
    dangerous = True
    command_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"command_id": new_id()})


class RevealForm(StaffForm):
    """Choose the personal fields to display, with a reason."""

    effect = "The person can see that you viewed their data, which fields, and why."
    button = "Show"
    fields_asked = forms.MultipleChoiceField(
        label="Which fields do you need?", choices=list(PERSONAL_FIELDS.items()), widget=forms.CheckboxSelectMultiple
    )
    reason = TextField(
        rule=VISIBLE_TEXT, label="Why?", help_text="For example: a parcel came back.", widget=_text_input()
    )


class FindByEmailForm(StaffForm):
    """Find whose address this is, with a reason."""

    effect = "The person can see that you looked for them by their address, and why."
    button = "Find"
    dangerous = False
    email = forms.EmailField(label="E-mail address", max_length=254, widget=_text_input())
    reason = TextField(
        rule=VISIBLE_TEXT, label="Why?", help_text="For example: they called about an order.", widget=_text_input()
    )


class LegalHoldForm(StaffForm):
    """Place a legal hold."""

    effect = "This person's data cannot be erased until the hold is released."
    button = "Place the hold"
    hold = TextField(rule=VISIBLE_TEXT, label="File number", widget=_text_input())
    reason = TextField(rule=VISIBLE_TEXT, label="Why?", help_text="The person can see this.", widget=_text_input())


class ReleaseLegalHoldForm(StaffForm):
    """Release one of the person's legal holds."""

    effect = "If the person has requested erasure, it continues within a day."
    button = "Release the hold"
    hold = forms.ChoiceField(label="Which hold?")

    def __init__(self, data: Any = None, *, holds: frozenset[str] = frozenset()) -> None:
        super().__init__(data)
        choices = [(hold, hold) for hold in sorted(holds)]
        self.fields["hold"] = forms.ChoiceField(
            label="Which hold?", choices=choices, widget=forms.Select(attrs={"class": "es-input"})
        )
