"""The privacy centre: consents, contact details, restriction, processing log and data export."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User as Login
from django.core import mail
from django.test import Client
from msgspec.structs import replace

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from tests.support.customers import EMAIL, PASSWORD, link_in_email, sign_in_customer
from tests.support.pages import find, texts
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import capture_queries, message_tags, update_read_models
from users.application.customer_adapter import load_person
from users.application.user_timeline import purpose_label
from users.domain.commands import GrantConsent, RecordAccess, RecordProcessing
from users.domain.events import ConsentGranted, ConsentWithdrawn, ProcessingRecorded

pytestmark = pytest.mark.usefixtures("clean_database")

MARKETING = "DirectMarketing"
sale = Sale(1)
FORM_ID = re.compile(r'value="[0-9a-f-]{36}"|name="csrfmiddlewaretoken" value="[^"]+"')
#: Every page of the privacy centre that is the visitor's own, by GET.
OWN_PAGES = [
    "/my/",
    "/my/consents/",
    "/my/details/",
    "/my/addresses/",
    "/my/addresses/add/",
    "/my/preferences/",
    "/my/restriction/",
    "/my/log/",
    "/my/data/",
    "/my/consents/2/receipt/",
    "/my/consents/2/receipt.json",
    "/account/password/",
]


def choose_consent(client: Client, answer: str, form_id: UUID | None = None, notice: str = "2026-01") -> Any:
    form = {"form_id": str(form_id or new_id()), "answer": answer, "notice": notice}
    return client.post(f"/my/consents/{MARKETING}/choice/", form, follow=True)


def test_nobody_has_agreed_to_anything_before_they_do() -> None:
    client, _ = sign_in_customer()
    page = client.get("/my/consents/")
    assert len(find(page, "not-given")) == 2
    assert not find(page, "given") and not find(page, checked="")


def test_a_consent_is_seen_at_once_and_taken_back_with_one_click() -> None:
    client, me = sign_in_customer()
    given = choose_consent(client, "yes")
    assert message_tags(given) == ["success"]
    assert len(find(given, "given")) == len(find(given, "ConsentGranted")) == 1
    assert load_person(me).state.consents.keys() == {MARKETING}
    taken = choose_consent(client, "no")
    assert message_tags(taken) == ["success"]
    assert (len(find(taken, "given")), len(find(taken, "ConsentWithdrawn"))) == (0, 1)
    assert not load_person(me).state.consents


def test_a_form_sent_twice_is_one_decision_and_an_old_form_says_so() -> None:
    client, me = sign_in_customer()
    form_id = new_id()
    choose_consent(client, "yes", form_id)
    choose_consent(client, "no")
    again = choose_consent(client, "yes", form_id)
    assert message_tags(again) == ["command-id-reused info"]
    assert not load_person(me).state.consents
    assert StoredEvent.objects.filter(event_type="ConsentGranted").count() == 1


def test_nonsense_is_refused_and_leaves_nothing_behind() -> None:
    client, me = sign_in_customer()
    assert message_tags(choose_consent(client, "yes", notice="2025-05")) == ["notice-expired warning"]
    assert message_tags(choose_consent(client, "yes", notice="1999-01")) == ["unknown-notice error"]
    form = {"form_id": str(new_id()), "answer": "yes", "notice": "2026-01"}
    assert client.post("/my/consents/Spam/choice/", form).status_code == 404
    assert client.post("/my/consents/AccountManagement/choice/", form, follow=True).status_code == 200
    assert client.post(f"/my/consents/{MARKETING}/choice/", form | {"answer": "perhaps"}).status_code == 404
    assert [event.event.__class__.__name__ for event in load_person(me).events] == ["UserCreated"]


def test_a_receipt_says_what_was_agreed_to_in_which_words_and_what_became_of_it() -> None:
    client, me = sign_in_customer()
    choose_consent(client, "yes")
    choose_consent(client, "no")
    receipt = json.loads(client.get("/my/consents/2/receipt.json").content)
    granted = load_person(me).events[1].event
    assert isinstance(granted, ConsentGranted)
    assert receipt["pii_processing"]["privacy_notice"]["sha256"] == granted.notice_digest
    assert receipt["pii_processing"]["purposes"][0]["purpose"] == "dpv:DirectMarketing"
    assert [event["event_state"] for event in receipt["events"]] == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    shown = client.get("/my/consents/2/receipt/").context["decision"]
    assert shown.ended and isinstance(shown.ended.event, ConsentWithdrawn)
    assert client.get("/my/consents/1/receipt/").status_code == 404


def change_details(client: Client, **changed: str) -> Any:
    form = {"form_id": str(new_id()), "name": "Ada Marker", "email": EMAIL, "phone": "", "address": "", **changed}
    return client.post("/my/details/", form | {"password": PASSWORD}, follow=True)


def test_details_are_put_right_at_once() -> None:
    client, me = sign_in_customer()
    assert message_tags(change_details(client, name="Ada L.", address="1 St\r\nYork")) == ["success"]
    assert load_person(me).contact == (EMAIL, "Ada L.", "", "1 St\nYork")
    change_details(client, name="Ada L.", address="1 St\r\nYork")
    assert len(load_person(me).events) == 2


def test_a_new_address_holds_once_its_email_is_answered_and_then_signs_in() -> None:
    client, me = sign_in_customer()
    [notice] = find(change_details(client, email="new@example.org"), "message")
    assert notice.attributes["class"] == "notice info" and "new@example.org" in notice.text
    assert [email.to for email in mail.outbox] == [[EMAIL], ["new@example.org"]]
    link = link_in_email()
    assert client.get(link).status_code == 200
    assert len(load_person(me).events) == 1
    client.post(link)
    assert load_person(me).contact == ("new@example.org", "Ada Marker", "", "")
    assert Client().login(username="new@example.org", password=PASSWORD)
    assert not Client().login(username=EMAIL, password=PASSWORD)


def test_a_link_for_a_new_password_ends_with_the_address_that_it_was_sent_to() -> None:
    client, _ = sign_in_customer()
    Client().post("/account/reset/", {"email": EMAIL})
    sent_to_the_former_mailbox = link_in_email()
    assert Client().get(sent_to_the_former_mailbox).status_code == 200
    change_details(client, email="new@example.org")
    client.post(link_in_email())
    answer = Client().post(sent_to_the_former_mailbox, {"password": "four very quiet lanterns"})
    assert answer.status_code == 410
    assert Client().login(username="new@example.org", password=PASSWORD)


def test_an_address_of_somebody_else_gets_another_email_and_the_same_page() -> None:
    sign_in_customer("b@example.org", "Bob")
    client, me = sign_in_customer()
    taken, free = (
        change_details(client, email=email).content.decode().replace(email, "?")
        for email in ("b@example.org", "c@example.org")
    )
    assert FORM_ID.sub("", taken) == FORM_ID.sub("", free)
    to_taken, to_free = (str(email.body) for email in mail.outbox if email.to != [EMAIL])
    assert "already" in to_taken and "already" not in to_free
    assert len(load_person(me).events) == 1


def test_the_link_is_for_the_one_who_asked_and_a_race_for_the_address_has_one_winner() -> None:
    client, me = sign_in_customer()
    change_details(client, email="new@example.org")
    link = link_in_email()
    bob, _ = sign_in_customer("b@example.org", "Bob")
    assert bob.post(link).status_code == 410
    assert client.post("/my/details/address/nonsense/").status_code == 410
    sign_in_customer("new@example.org", "New")
    assert client.post(link).status_code == 410
    assert len(load_person(me).events) == 1


def test_control_characters_are_refused_by_the_field() -> None:
    client, me = sign_in_customer()
    form = {"form_id": str(new_id()), "name": "A\x07da", "email": EMAIL, "phone": "", "address": ""}
    assert list(client.post("/my/details/", form).context["form"].errors) == ["name"]
    assert len(load_person(me).events) == 1


def test_restricting_and_lifting() -> None:
    client, me = sign_in_customer()
    form = {"form_id": str(new_id()), "reason": "my address is wrong"}
    client.post("/my/restriction/", form)
    assert load_person(me).state.restricted
    assert list(client.get("/my/restriction/").context["form"].fields) == ["form_id"]  # to lift it, no reason is needed
    client.post("/my/restriction/", {"form_id": str(new_id())})
    assert not load_person(me).state.restricted


def test_the_log_shows_who_looked_and_what_data_was_used_for() -> None:
    client, me = sign_in_customer()
    command_dispatcher.send(RecordAccess(user_id=me, fields=("phone",), reason="Parcel 7 came back", staff="boss"))
    command_dispatcher.send(
        RecordProcessing(me, "CustomerOrderManagement", "Parcel 7 was sent again", datetime.now(UTC), "Post")
    )
    page = client.get("/my/log/")
    [access], [use] = texts(page, "DataAccessed"), texts(page, "ProcessingRecorded")
    assert "boss" not in access and all(value in access for value in ("phone", "Parcel 7 came back"))
    assert all(value in use for value in ("Parcel 7 was sent again", purpose_label("CustomerOrderManagement"), "Post"))


def test_every_version_of_the_notice_can_be_read_by_anybody(client: Client) -> None:
    current, old = client.get("/privacy/"), client.get("/privacy/2025-05/")
    assert (current.context["notice"].version, find(current, "superseded")) == ("2026-01", [])
    assert old.context["notice"].version == "2025-05" and find(old, "superseded")
    assert client.get("/privacy/1999-01/").status_code == 404


@pytest.mark.parametrize("path", OWN_PAGES)
def test_own_pages_are_for_their_owner_alone(path: str, client: Client) -> None:
    owner, _ = sign_in_customer()
    choose_consent(owner, "yes")
    mine = owner.get(path)
    assert mine.status_code == 200
    assert "no-store" in mine.headers["Cache-Control"]
    assert client.get(path).headers["Location"] == f"/account/sign-in/?next={path}"
    # The same address shows somebody else only what is theirs: they have no second event.
    other, _ = sign_in_customer("bob@example.org", "Bob")
    others = other.get(path)
    assert others.status_code == (404 if "receipt" in path else 200)
    assert EMAIL not in others.content.decode()
    staff = Client()
    staff.force_login(Login.objects.create_user("clerk", password=PASSWORD, is_staff=True))
    if path.startswith("/my/"):
        assert staff.get(path).headers["Location"].partition("?")[0] == "/account/join/"


def test_a_long_history_costs_the_consent_page_no_more_statements_and_no_event_of_the_log() -> None:
    client, me = sign_in_customer()
    assert len(load_person(me).events) == 1
    client.get("/my/consents/")
    statements = len(capture_queries(lambda: client.get("/my/consents/")))
    now = datetime.now(UTC)
    for day in range(100):
        command_dispatcher.send(GrantConsent(me, MARKETING, "2026-01", now, now + timedelta(days=9 + day)))
    used = ProcessingRecorded(me, "CustomerOrderManagement", "A-6-1-b", "An order was packed", "")
    store.append_events(me, [used] * 2_000, expected_version=101)
    assert len(capture_queries(lambda: client.get("/my/consents/"))) == statements
    assert len(load_person(me).events) == 101
    page = client.get("/my/consents/")
    [more] = find(page, href="?all")
    assert "80" in more.text and len(find(page, "ConsentGranted")) == 20
    assert len(find(client.get("/my/consents/?all"), "ConsentGranted")) == 100


def test_everything_is_shown_with_where_it_came_from_orders_too() -> None:
    client, me = sign_in_customer()
    form = {"form_id": str(new_id()), "name": "Ada L.", "email": EMAIL, "phone": "+44 1", "address": ""}
    client.post("/my/details/", form)
    append(sale.order_id, replace(sale.created, customer_id=me))
    update_read_models()
    page = client.get("/my/data/")
    assert texts(page, "name") == ["Ada L."] and find(page, "name-from-page")
    assert any("000001" in title for title in page.context["streams"])
    assert "WHITE METAL LANTERN" in page.content.decode()


def test_a_copy_holds_everything_and_that_it_was_taken_is_on_record() -> None:
    client, me = sign_in_customer()
    choose_consent(client, "yes")
    form = {"form_id": str(new_id())}
    file = client.post("/my/data.json", form)
    assert file.headers["Content-Disposition"].startswith("attachment")
    copy = json.loads(file.content)
    assert {value["field"]: value["value"] for value in copy["contact"]}["email"] == EMAIL
    kinds = [event["event_type"] for event in copy["events"]]
    assert kinds == ["UserCreated", "ConsentGranted", "DataExported"]
    client.post("/my/data.json", form)
    assert [event.meta.event_type for event in store.get_events(me)] == kinds
    assert client.get("/my/data.json").headers["Location"] == "/my/data/"
    assert client.put("/my/data.json").status_code == 405
    assert Client().post("/my/data.json", form).status_code == 302
