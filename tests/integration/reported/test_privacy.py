"""Reported cases of personal data: texts that block an erasure, and masked values that answer questions."""

from __future__ import annotations

from uuid import uuid4

import pytest

from eventshop.eventstore.command_dispatcher import send
from tests.support.staff import clerk, update_read_models
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_masked_address_is_not_read_letter_by_letter() -> None:
    """Staff with `view_userprofile` only, `?email__startswith=a`: gave the masked value. Right: refused."""
    send(CreateUser(uuid4(), "ada@example.org", "Ada Lovelace"))
    update_read_models()
    client = clerk("view_userprofile")
    for letter in "ab":
        assert client.get("/admin/projections/userprofile/", {"email__startswith": letter}).status_code == 400
