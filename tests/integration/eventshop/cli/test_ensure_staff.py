"""`manage.py ensure_staff` gives the staff account of `make run`."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about wording
]


def test_the_account_is_made_and_can_sign_in(settings: Any) -> None:
    settings.STAFF_PASSWORD = "correct horse"
    call_command("ensure_staff")
    user = User.objects.get(username="staff")
    assert (user.is_staff, user.is_superuser, user.check_password("correct horse")) == (True, True, True)


def test_a_second_time_changes_nothing(settings: Any) -> None:
    settings.STAFF_PASSWORD = "correct horse"
    call_command("ensure_staff")
    before = User.objects.get(username="staff").password
    call_command("ensure_staff")
    assert User.objects.get(username="staff").password == before


@pytest.mark.parametrize("name", ["", "x" * 151, "no body"])
def test_a_name_that_no_account_can_have_makes_none(settings: Any, name: str) -> None:
    settings.STAFF_PASSWORD = "correct horse"
    with pytest.raises(CommandError, match="--username"):
        call_command("ensure_staff", username=name)
    assert not User.objects.exists()


def test_without_a_password_nothing_is_made(settings: Any) -> None:
    settings.STAFF_PASSWORD = ""
    with pytest.raises(CommandError, match="STAFF_PASSWORD"):
        call_command("ensure_staff")
    assert not User.objects.exists()
