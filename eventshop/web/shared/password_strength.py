"""Refuses passwords that a guesser tries early, beyond Django's list of the commonest ones.

zxcvbn (Wheeler, USENIX Security 2016) brings 30,000 passwords of breaches and the commonest words and names, and sees
them through capitals, digits in place of letters, years, repetitions and rows of keys.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

#: What limits at every door allow in many years; zxcvbn calls less "very guessable".
MIN_GUESSES: Final = 10**6
#: zxcvbn takes no more; its time grows with the length.
_MAX_LENGTH: Final = 72


class GuessablePasswordValidator:
    """A password validator of Django's."""

    def validate(self, password: str, user: Any = None) -> None:
        if password and zxcvbn(password[:_MAX_LENGTH])["guesses"] < MIN_GUESSES:
            raise ValidationError(
                "This password is easily guessed. Take several words that do not belong together.",
                code="password-guessable",
            )

    def get_help_text(self) -> str:
        return "Your password can't be one that is easily guessed, such as a name with a year."
