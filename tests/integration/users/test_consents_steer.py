"""Newsletters and suggestions exist for those who agreed, and end when they no longer do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from eventshop.eventstore.command_dispatcher import send
from eventshop.projections.projection import projection_registry
from orders.domain.commands import CreateOrder
from orders.models import Product
from tests.support.customers import sign_in_customer
from tests.support.pages import find
from tests.support.read_models import catch_up
from tests.support.sales import LANTERNS, MUGS
from tests.support.staff import clerk
from users.application import newsletters
from users.application.customer_adapter import load_person, newest_events
from users.application.newsletters import send_newsletters
from users.domain.commands import CreateUser, GrantConsent, RestrictProcessing
from users.domain.events import ProcessingRecorded
from users.models import Newsletter

pytestmark = pytest.mark.usefixtures("clean_database")


def agree(person: UUID, term: str, **at: Any) -> None:
    now = datetime.now(UTC)
    send(GrantConsent(person, term, "2026-01", at=now - timedelta(hours=2), expires_at=now + timedelta(**at)))


def uses_of(person: UUID) -> list[Any]:
    return [recorded.event for recorded in newest_events(person, ProcessingRecorded, 99)]


def test_a_newsletter_goes_once_to_those_whose_consent_stands() -> None:
    people = [sign_in_customer(f"p{number}@example.org")[1] for number in range(4)]
    agreed, expired, restricted, _ = people
    agree(agreed, "DirectMarketing", days=2)
    agree(agreed, "DirectMarketing", days=9)  # renewed: still one letter
    agree(expired, "DirectMarketing", hours=-1)
    agree(restricted, "DirectMarketing", days=9)
    send(RestrictProcessing(restricted, "not now"))
    letter = Newsletter.objects.create(subject="Lanterns", text="10 % off", is_released=True)
    Newsletter.objects.create(subject="A draft", text="Not yet")
    assert send_newsletters() == "1 letters sent" and send_newsletters() == "0 letters sent"
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["p0@example.org"], "Lanterns")
    letter.refresh_from_db()
    assert (letter.sent, letter.without_ground, letter.failed) == (1, 2, 0) and letter.finished_at
    [use] = uses_of(agreed)
    assert (use.purpose, use.legal_basis, use.offer) == ("DirectMarketing", "A6-1-a", "Lanterns")

    link = sent.extra_headers["List-Unsubscribe"].strip("<>").partition("//")[2].partition("/")[2]
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    program = Client(enforce_csrf_checks=True)
    assert "DirectMarketing" in load_person(agreed).state.consents
    assert program.get(f"/{link}").status_code == 200 and "DirectMarketing" in load_person(agreed).state.consents
    for _ in range(2):
        assert find(program.post(f"/{link}", {"List-Unsubscribe": "One-Click"}), "left")
    assert "DirectMarketing" not in load_person(agreed).state.consents
    assert program.post("/newsletter/nonsense/").status_code == 410


def test_a_mailing_records_its_uses_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each letter costs two statements, to read whom it goes to; the others are shared by a group."""
    people = [uuid4() for _ in range(2 * newsletters.GROUP + 1)]
    for number, person in enumerate(people):
        send(CreateUser(person, f"p{number}@example.org", "Ada"))
        agree(person, "DirectMarketing", days=9)
    Newsletter.objects.create(subject="Lanterns", text="10 % off", is_released=True)
    with CaptureQueriesContext(connection) as queries:
        assert send_newsletters() == f"{len(people)} letters sent"
    assert sorted(address for sent in mail.outbox for address in sent.to) == sorted(
        f"p{number}@example.org" for number in range(len(people))
    )
    assert len(queries) < 4 * len(people)
    assert all(len(uses_of(person)) == 1 for person in people)


def test_a_letter_that_the_mail_server_refuses_is_counted_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    _, person = sign_in_customer()
    agree(person, "DirectMarketing", days=2)
    letter = Newsletter.objects.create(subject="Lanterns", text="10 % off", is_released=True)

    def refuse(*args: Any, **options: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    send_newsletters()
    send_newsletters()
    letter.refresh_from_db()
    assert (letter.sent, letter.failed) == (0, 1) and not mail.outbox


def test_staff_release_a_newsletter_and_cannot_change_it_then() -> None:
    staff = clerk("add_newsletter", "change_newsletter", "view_newsletter")
    values = {"subject": "Lanterns", "text": "10 % off", "is_released": "on"}
    assert staff.post("/admin/users/newsletter/add/", values).status_code == 302
    letter = Newsletter.objects.get()
    assert letter.is_released and letter.created_by
    staff.post(f"/admin/users/newsletter/{letter.pk}/change/", {**values, "subject": "Something else"})
    assert Newsletter.objects.get().subject == "Lanterns"


def test_suggestions_come_from_purchases_and_only_with_consent() -> None:
    client, person = sign_in_customer()
    for line in (LANTERNS, MUGS):
        Product.objects.create(sku=line.sku, name=line.sku, price=Decimal(2), currency="GBP")
    send(CreateOrder(uuid4(), "1", person, (LANTERNS,)))
    send(CreateOrder(uuid4(), "2", uuid4(), (LANTERNS, MUGS)))
    catch_up(*projection_registry.select([]))
    page = client.get("/suggestions/")
    assert find(page, "no-ground") and not find(page, "suggestion") and not uses_of(person)
    agree(person, "Personalisation", days=2)
    client.get("/suggestions/")
    [suggestion] = find(client.get("/suggestions/"), "suggestion")
    assert MUGS.sku in suggestion.text
    [use] = uses_of(person)
    assert (use.suggestion, use.data) == (MUGS.sku, ("purchases",))
