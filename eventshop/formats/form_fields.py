"""Form fields with the rules that commands have for texts and numbers.

Django's own fields call `Decimal()` and `int()`, which accept spaces, underscores, exponents and foreign digits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from django import forms

from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import ANY_TEXT, LINES, TextRule, clean_text, refuse_email_address

#: A column of whole numbers holds 18 digits.
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class TextField(forms.CharField):
    """Text, cleaned as in a command with the same `rule`. What is `in_clear` in events holds no e-mail address."""

    def __init__(
        self, *, rule: TextRule = ANY_TEXT, in_clear: bool = False, max_length: int = 200, **options: Any
    ) -> None:
        super().__init__(max_length=max_length, **options)
        self.rule, self.in_clear = rule, in_clear

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value)).replace("\r\n", "\n")
        if not text:
            return text  # `required` decides
        try:
            text = clean_text(text, self.rule)
            if self.in_clear:
                refuse_email_address(text)
        except InvalidMessage as error:
            raise forms.ValidationError(f"This text {error.message}", code="invalid") from None
        return text


class PostalAddressField(TextField):
    """An address, several lines."""

    def __init__(self, **options: Any) -> None:
        attributes = {"autocomplete": "street-address", "rows": 4, "spellcheck": "false"}
        defaults = {
            "label": "Address",
            "help_text": "Street, town, postcode and country, each on a line of its own.",
            "error_messages": {"required": "Enter the address"},
        }
        super().__init__(
            rule=LINES, max_length=1_000, widget=forms.Textarea(attrs=attributes), **{**defaults, **options}
        )


class StrictDecimalField(forms.DecimalField):
    """A decimal in the published format (`eventshop.core.decimal_text`)."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if value in self.empty_values:
            return None
        if isinstance(value, Decimal):  # an initial value
            return value
        try:
            return parse_decimal(str(value))
        except InvalidMessage:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


class StrictIntegerField(forms.IntegerField):
    """A whole number in ASCII digits."""

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        if not _WHOLE_NUMBER.fullmatch(str(value)):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return int(value)
