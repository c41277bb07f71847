"""Forms of passwords in the console: behind the same lock as everywhere, and with the same consequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.models import User

if TYPE_CHECKING:
    from django.contrib.auth.forms import AdminPasswordChangeForm, PasswordChangeForm

    OwnForm = PasswordChangeForm
    OthersForm = AdminPasswordChangeForm[User]
else:
    from unfold.forms import AdminOwnPasswordChangeForm as OwnForm
    from unfold.forms import AdminPasswordChangeForm as OthersForm


class OwnPasswordForm(OwnForm):
    """Asks for the old password as a sign-in does: a wrong one counts, and raises `TooManyAttempts` in the end."""

    def clean_old_password(self) -> str:
        password = str(self.cleaned_data["old_password"])
        if authenticate(username=self.user.get_username(), password=password) is None:
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


class OthersPasswordForm(OthersForm):
    """Taking the password away ends tokens, too: Django tells its validators of new passwords alone."""

    def set_password_and_save(self, user: User, *args: Any, **kwargs: Any) -> User:
        saved: User = super().set_password_and_save(user, *args, **kwargs)  # type: ignore[misc]
        if not saved.has_usable_password():
            password_validation.password_changed("", saved)
        return saved
