"""The erasure pages: request with password, cancellation, status and certificate by link."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.privacy import encrypted_tokens
from eventshop.privacy.models import Certificate, Erasure
from eventshop.projections.projection import projection_registry
from eventshop.sagas import workers
from tests.support.customers import EMAIL, PASSWORD, link_in_email, sign_in_customer
from tests.support.pages import find, texts
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.staff import message_tags
from users.application.customer_adapter import load_person
from users.domain.commands import PlaceLegalHold
from users.domain.events import CategoriesErased
from users.domain.user import Status
from users.pages.erasure_views import STEP_LABELS

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def erase_without_delay(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    settings.ERASURE_COOLING_OFF_DAYS = 0


def request_erasure(client: Client, password: str = PASSWORD) -> Any:
    return client.post("/my/erasure/", {"form_id": str(new_id()), "password": password}, follow=True)


def run_workers() -> None:
    catch_up(*projection_registry.select([]))
    workers.run_until_idle("test")
    catch_up(*projection_registry.select([]))


def event_types(me: UUID) -> list[str]:
    return [event.meta.event_type for event in load_person(me).events]


def test_before_deciding_one_sees_what_stays_and_what_has_to_be_finished_first() -> None:
    client, me = sign_in_customer()
    before = client.get("/my/erasure/").context
    assert before["blockers"] == []
    sale = Sale(1, customer_id=me)
    append(sale.order_id, sale.created)
    catch_up(*projection_registry.select([]))
    after = client.get("/my/erasure/").context
    assert len(after["kept"]) > len(before["kept"])
    assert len(after["blockers"]) == 1
    assert "000001" in texts(client.get("/my/erasure/"), "blocker")[0]


def test_it_takes_the_password_and_guessing_is_stopped() -> None:
    client, me = sign_in_customer()
    assert request_erasure(client, "wrong").context["form"].has_error("password", "wrong-password")
    # A period may end meanwhile; two cannot.
    assert 429 in [request_erasure(client, "wrong").status_code for _ in range(21)]
    assert event_types(me) == ["UserCreated"]


def test_one_can_change_ones_mind(settings: Any) -> None:
    settings.ERASURE_COOLING_OFF_DAYS = 14
    client, me = sign_in_customer()
    assert request_erasure(client).context["due_at"] == load_person(me).state.due_at
    assert find(client.get("/my/erasure/"), action="/my/erasure/stay/")
    link = link_in_email()
    assert Client().get(link).context["state"].status is Status.LEAVING
    client.post("/my/erasure/stay/", {"form_id": str(new_id())})
    run_workers()
    assert event_types(me) == ["UserCreated", "ErasureRequested", "ErasureCancelled"]
    assert Client().get(link).context["state"].status is Status.ACTIVE


def test_at_the_end_the_link_of_the_email_shows_the_certificate_and_nobody_can_sign_in() -> None:
    client, me = sign_in_customer()
    request_erasure(client)
    assert mail.outbox[-1].to == [EMAIL]
    link = link_in_email()
    run_workers()
    assert event_types(me)[-1] == "DataErased"
    page = Client().get(link).content.decode()
    assert str(Certificate.objects.get().certificate_id) in page
    assert EMAIL not in page and "Ada" not in page
    file = Client().get(f"{link}certificate.pdf")
    assert file.content.startswith(b"%PDF-")
    assert client.get("/my/").headers["Location"].startswith("/account/sign-in/")
    assert not Client().login(username=EMAIL, password=PASSWORD)
    assert load_person(me).contact is None


def test_the_address_is_free_again_afterwards() -> None:
    client, _ = sign_in_customer()
    request_erasure(client)
    run_workers()
    assert sign_in_customer()[0].get("/my/").status_code == 200


def test_while_it_goes_on_its_steps_are_shown() -> None:
    client, me = sign_in_customer()
    request_erasure(client)
    link = link_in_email()
    Erasure.objects.create(subject=me, step="scan", log='[["collect", "2026-11-24T12:00:00+00:00", "x"]]')
    steps = Client().get(link).context["steps"]
    assert [step.label for step in steps if step.is_current] == [STEP_LABELS["scan"]]
    assert [(step.label, step.done_at) for step in steps if step.done_at] == [
        (STEP_LABELS["collect"], datetime(2026, 11, 24, 12, tzinfo=UTC))
    ]


def test_a_legal_hold_is_said() -> None:
    client, me = sign_in_customer()
    command_dispatcher.send(PlaceLegalHold(me, "CASE-7", "A claim in court"))
    refused = request_erasure(client)
    assert message_tags(refused) == ["on-legal-hold error"]
    assert event_types(me)[-1] == "LegalHoldPlaced"
    assert not mail.outbox


def test_links_of_others_damaged_ones_and_those_of_other_kinds_show_nothing(client: Client) -> None:
    _, me = sign_in_customer()
    good = encrypted_tokens.encrypt_token("erasure", me)
    for token in (
        good[:-3],
        "nonsense",
        encrypted_tokens.encrypt_token("reset", me),
        encrypted_tokens.encrypt_token("sign-up", EMAIL),
    ):
        assert client.get(f"/erasure/{token}/").status_code == 410
        assert client.get(f"/erasure/{token}/certificate.pdf").status_code == 404
    assert client.get(f"/erasure/{good}/certificate.pdf").status_code == 404
    assert client.get("/my/erasure/").headers["Location"] == "/account/sign-in/?next=/my/erasure/"
    assert client.post("/my/erasure/stay/").headers["Location"] == "/account/sign-in/?next=/my/erasure/stay/"


def test_when_no_mail_leaves_the_link_stands_on_the_page(settings: Any) -> None:
    client, me = sign_in_customer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    [warning] = find(request_erasure(client), "message")
    assert event_types(me)[-1] == "ErasureRequested"
    link = re.search(r"http://localhost:8000(/erasure/\S+/)", warning.text)
    assert link and Client().get(link[1]).status_code == 200


def test_a_person_erases_a_category_with_their_password() -> None:
    client, person = sign_in_customer()
    form = {"form_id": str(new_id()), "categories": ["notes", "delivery"]}
    refused = client.post("/my/erasure/categories/", {**form, "password": "wrong"})
    assert refused.status_code == 200 and not categories_of(person)
    assert client.post("/my/erasure/categories/", {**form, "categories": ["everything"], "password": PASSWORD})
    assert not categories_of(person)
    for _ in range(2):  # sent twice: one decision
        client.post("/my/erasure/categories/", {**form, "password": PASSWORD})
    assert categories_of(person) == [("notes", "delivery")]
    assert b"notes, delivery" in client.get("/my/erasure/categories/").content


def categories_of(person: UUID) -> list[tuple[str, ...]]:
    erasures = (recorded.event for recorded in load_person(person).events)
    return [event.categories for event in erasures if isinstance(event, CategoriesErased)]
