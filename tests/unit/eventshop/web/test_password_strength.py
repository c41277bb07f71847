"""Passwords that a guesser tries early are refused, however they are dressed."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.mark.parametrize(
    "password", ["P4ssw0rd!", "iloveyou12", "qwertzuiop", "Elizabeth1", "abcabcabcabc", "aaaaaaaaaaaa"]
)
def test_a_password_that_is_guessed_early_is_refused(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    assert "password-guessable" in {error.code for error in refused.value.error_list}


@pytest.mark.parametrize("password", ["three quiet lanterns", "74206310395218", "x" * 5 + "three quiet lanterns" * 10])
def test_words_that_do_not_belong_together_and_digits_by_chance_are_accepted(password: str) -> None:
    validate_password(password)
