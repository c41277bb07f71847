"""Forms of the user pages."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import NAME, VISIBLE_TEXT, TextRule, clean_text
from eventshop.formats.form_fields import PostalAddressField, TextField
from eventshop.web.pages.command_form import CommandForm
from eventshop.web.pages.password_confirmation import PasswordConfirmation
from users.domain.categories import DESCRIPTIONS
from users.domain.events import Email
from users.domain.preferences import LANGUAGES, time_zones

_MAX_LENGTH = 200
_NOT_AN_ADDRESS = "Enter an address like name@example.org"


class EmailField(forms.EmailField):
    """An e-mail address."""

    def __init__(self, *, label: str = "E-mail address", help_text: str = "") -> None:
        widget = forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"})
        super().__init__(
            label=label,
            help_text=help_text,
            max_length=_MAX_LENGTH,
            widget=widget,
            error_messages={
                "required": "Enter your e-mail address",
                "invalid": "Enter an address like name@example.org",
            },
        )

    def clean(self, value: Any) -> str:
        try:
            return str(msgspec.convert(clean_text(super().clean(value), VISIBLE_TEXT), Email))
        except (msgspec.ValidationError, InvalidMessage):
            raise forms.ValidationError(_NOT_AN_ADDRESS, code="invalid") from None


class LineField(TextField):
    """One line of text about a person, with autocomplete."""

    def __init__(
        self,
        label: str,
        autocomplete: str,
        *,
        required: bool = True,
        help_text: str = "",
        rule: TextRule = VISIBLE_TEXT,
    ) -> None:
        super().__init__(
            rule=rule,
            label=label,
            help_text=help_text,
            required=required,
            max_length=_MAX_LENGTH,
            widget=forms.TextInput(attrs={"autocomplete": autocomplete, "spellcheck": "false"}),
            error_messages={"required": f"Enter {label.lower()}"},
        )


class NewPasswordField(forms.CharField):
    """A new password, typed once: a mistyped one can be reset by e-mail."""

    def __init__(self, label: str = "Password") -> None:
        super().__init__(
            label=label,
            strip=False,
            max_length=1_000,
            help_text="At least 8 characters. Three words that do not belong together are a good password.",
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            error_messages={"required": "Choose a password"},
        )

    def clean(self, value: Any) -> str:
        password = str(super().clean(value))
        password_validation.validate_password(password)
        return password


class AddressForm(forms.Form):
    """The e-mail address that a link is sent to."""

    email = EmailField()


class JoinForm(forms.Form):
    """The last step of becoming a customer with a login that exists; the link holds the e-mail address."""

    name = LineField("Your name", "name", rule=NAME, help_text="As it should appear on e-mails and parcels.")


class SignUpForm(JoinForm):
    """The last step of signing up; the link holds the e-mail address."""

    password = NewPasswordField()


class SignInForm(AuthenticationForm):
    """E-mail address and password."""

    error_messages = {
        "invalid_login": "No account has this e-mail address and this password",
        "inactive": "No account has this e-mail address and this password",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, password = self.fields["username"], self.fields["password"]
        name.label, name.help_text = "E-mail address", "Staff can use their user name."
        name.widget.attrs = {"autocomplete": "username", "inputmode": "email", "spellcheck": "false"}
        name.error_messages["required"] = "Enter your e-mail address"
        password.error_messages["required"] = "Enter your password"


class NewPasswordForm(forms.Form):
    """A new password, after the link of an e-mail was opened."""

    password = NewPasswordField("New password")


class ChangePasswordForm(forms.Form):
    """The current and a new password."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your current password"},
    )
    password = NewPasswordField("New password")


class DeliveryAddressForm(CommandForm):
    """An address of the address book."""

    name = LineField("Name on the parcel", "name", rule=NAME)
    address = PostalAddressField()
    is_default = forms.BooleanField(label="Offer this address first at the checkout", required=False)
    field_order = ("form_id", "name", "address", "is_default")


class PreferencesForm(CommandForm):
    """The language and the time zone of letters."""

    language = forms.ChoiceField(
        label="Language of our letters",
        choices=list(LANGUAGES.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a language", "invalid_choice": "Choose one of these"},
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        help_text="The times in our letters, and on our pages while you are signed in, are in this zone.",
        error_messages={"required": "Choose a time zone", "invalid_choice": "Choose one of these"},
    )
    field_order = ("form_id", "language", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(zone, zone.replace("_", " ")) for zone in sorted(time_zones())]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]


class ContactForm(PasswordConfirmation, CommandForm):
    """Name and contact details; a new e-mail address needs the password."""

    name = LineField("Your name", "name", rule=NAME)
    email = EmailField()
    phone = LineField("Phone number", "tel", required=False, help_text="Optional. For questions about a delivery.")
    address = PostalAddressField(required=False, help_text="Optional. The delivery address of your parcels.")
    field_order = ("form_id", "name", "email", "phone", "address", "password")

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["password"].required = False
        self.fields["password"].help_text = "Only for a new e-mail address: you sign in with it."

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        is_new = "email" in values and values["email"] != self.initial["email"]
        if is_new and "password" not in self.errors and not values["password"]:
            self.add_error("password", forms.ValidationError("Enter your password to change the address", "required"))
        return values


class ChoiceForm(forms.Form):
    """The decision about one purpose, on the wording of one privacy notice."""

    form_id = forms.UUIDField()
    answer = forms.ChoiceField(choices=[("yes", "Agree"), ("no", "Take back")])
    notice = forms.CharField(max_length=_MAX_LENGTH)


class RestrictionForm(CommandForm):
    """The reason of a restriction; lifting it needs none."""

    reason = LineField("Why", "off", help_text="For example: my address is wrong. Only our staff can see the reason.")

    def __init__(self, *args: Any, restricted: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if restricted:
            del self.fields["reason"]


class PasswordForm(PasswordConfirmation, CommandForm):
    """The password, as confirmation of an action that cannot be undone."""


class CategoryForm(PasswordForm):
    """Which categories of data are erased."""

    categories = forms.MultipleChoiceField(
        choices=list(DESCRIPTIONS.items()),
        widget=forms.CheckboxSelectMultiple,
        label="What we erase",
        error_messages={"required": "Choose at least one"},
    )
    field_order = ("form_id", "categories", "password")
