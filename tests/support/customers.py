"""Customers who have signed up, and their signed-in test clients."""

from __future__ import annotations

import re
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.core import mail
from django.test import Client

from eventshop.core.messages import new_id
from users.application import accounts

PASSWORD = "three quiet lanterns"
EMAIL = "ada.marker@example.org"


def sign_up(email: str = EMAIL, name: str = "Ada Marker") -> Login:
    return accounts.sign_up(form_id=new_id(), email=email, name=name, password=PASSWORD)


def sign_in_customer(email: str = EMAIL, name: str = "Ada Marker") -> tuple[Client, UUID]:
    """A signed-in client and the person id of its customer."""
    login = sign_up(email, name)
    client = Client()
    client.force_login(login)
    person = accounts.person_of(login)
    assert person
    return client, person


def link_in_email() -> str:
    """The path of the link in the latest e-mail."""
    match = re.search(r"https?://[^/\s]+(/\S+)", str(mail.outbox[-1].body))
    assert match, mail.outbox[-1].body
    return match[1]
