"""Asks for the password again before something that a stolen session must not be able to do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest


def is_own_password(request: HttpRequest, password: str) -> bool:
    """Whether this is the password of the signed-in user. Counted as signing in; raises `TooManyAttempts`."""
    login = authenticate(request, username=request.user.get_username(), password=password)
    return login is not None and login.pk == request.user.pk


class PasswordConfirmation(forms.Form):
    """A form with the field `password` for the present password, which is checked with the others."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1_000,
        help_text="We ask for it so that nobody else can do this in your name.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password"},
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password and not is_own_password(self.request, password):
            raise forms.ValidationError("This is not your password", code="wrong-password")
        return password
