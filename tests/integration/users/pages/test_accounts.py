"""Signing up, signing in and out, and passwords. An address has one account, and no page reveals it."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User as Login
from django.core import mail
from django.db import connections
from django.test import Client

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import AlreadyTaken
from eventshop.core.messages import new_id
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy import encrypted_tokens
from tests.support.customers import EMAIL, PASSWORD, link_in_email, sign_in_customer, sign_up
from tests.support.pages import texts
from tests.support.waiting import join_threads
from users.application import accounts
from users.application.customer_adapter import load_person
from users.models import Account

pytestmark = pytest.mark.usefixtures("clean_database")


def request_sign_up(client: Client, email: str = EMAIL) -> bytes:
    return client.post("/account/sign-up/", {"email": email}).content


def test_signing_up_makes_a_login_and_a_person(client: Client) -> None:
    request_sign_up(client)
    link = link_in_email()
    assert EMAIL in client.get(link).content.decode()
    page = client.post(link, {"name": "Ada", "password": PASSWORD}, follow=True)
    assert page.redirect_chain[-1][0] == "/my/consents/"
    account = Account.objects.select_related("login").get()
    assert account.login.username == str(account.person)
    assert not account.login.email
    contact = load_person(account.person).contact
    assert contact and (contact.email, contact.name) == (EMAIL, "Ada")


@pytest.mark.both
def test_the_same_form_sent_twice_makes_one_account(client: Client) -> None:
    request_sign_up(client)
    link, form = link_in_email(), {"name": "Ada", "password": PASSWORD}
    assert [client.post(link, form).status_code, Client().post(link, form).status_code] == [302, 302]
    assert (Account.objects.count(), StoredEvent.objects.filter(event_type="UserCreated").count()) == (1, 1)


def test_an_old_link_opens_nobodys_account(client: Client) -> None:
    request_sign_up(client)
    link = link_in_email()
    client.post(link, {"name": "Ada", "password": PASSWORD})
    thief = Client()
    page = thief.post(link, {"name": "Ada", "password": "something else entirely"})
    assert page.headers["Location"] == "/account/sign-in/"
    assert "_auth_user_id" not in thief.session


@pytest.mark.both
def test_a_login_that_cannot_be_made_leaves_no_person() -> None:
    form_id = new_id()
    Login.objects.create(username=str(derive_id("person", form_id)))
    with pytest.raises(Exception, match=r"(?i)unique"):
        accounts.sign_up(form_id=form_id, email=EMAIL, name="Ada", password=PASSWORD)
    assert not StoredEvent.objects.exists()
    assert sign_up()


@pytest.mark.both
def test_an_address_has_one_account_also_in_a_race() -> None:
    outcomes: list[object] = []

    def race() -> None:
        try:
            outcomes.append(sign_up())
        except AlreadyTaken as taken:
            outcomes.append(taken)
        finally:
            connections.close_all()

    racers = [Thread(target=race) for _ in range(4)]
    for racer in racers:
        racer.start()
    join_threads(*racers)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyTaken"] * 3 + ["User"]
    assert (Account.objects.count(), Login.objects.count()) == (1, 1)


def test_no_page_tells_whether_an_address_has_an_account(client: Client) -> None:
    sign_up()
    for path in ("/account/sign-up/", "/account/reset/"):
        known, unknown = (client.post(path, {"email": address}).content for address in (EMAIL, "nobody@example.org"))
        assert known == unknown
    assert len(mail.outbox) == 4
    assert [email.to for email in mail.outbox] == [[EMAIL], ["nobody@example.org"]] * 2


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(client: Client) -> None:
    sign_up()
    known, unknown = (
        client.post("/account/sign-in/", {"username": address, "password": "wrong"}).context["form"]
        for address in (EMAIL, "nobody@example.org")
    )
    assert known.has_error("__all__", "invalid_login")
    assert known.errors.get_json_data() == unknown.errors.get_json_data()


def test_signing_in_with_the_address_in_any_case_and_out_again(client: Client) -> None:
    sign_up()
    page = client.post("/account/sign-in/", {"username": EMAIL.upper(), "password": PASSWORD, "next": "/my/details/"})
    assert page.headers["Location"] == "/my/details/"
    assert client.get("/account/sign-out/").headers["Location"] == "/"
    assert client.get("/my/").status_code == 200
    client.post("/account/sign-out/")
    assert client.get("/my/").headers["Location"] == "/account/sign-in/?next=/my/"


def test_signing_in_never_leads_to_another_site(client: Client) -> None:
    sign_up()
    form = {"username": EMAIL, "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post("/account/sign-in/", form).headers["Location"] == "/my/"


def test_guessing_passwords_is_stopped_and_says_how_long(client: Client) -> None:
    sign_up()
    form = {"username": EMAIL, "password": "wrong"}
    pages = [client.post("/account/sign-in/", form) for _ in range(21)]
    refused = [page for page in pages if page.status_code == 429]
    assert [page.status_code for page in pages[:5]] == [200] * 5
    assert 0 < int(refused[0].headers["Retry-After"]) <= 15 * 60
    assert refused[0].context["wait"] in texts(refused[0], "wait")
    # Another address from the same place still can.
    assert client.post("/account/sign-in/", {"username": "b@example.org", "password": "x"}).status_code == 200


def test_a_new_password_by_email_works_once_and_ends_other_sessions(client: Client) -> None:
    signed_in, _ = sign_in_customer()
    client.post("/account/reset/", {"email": EMAIL})
    link = link_in_email()
    assert client.get(link).status_code == 200
    assert client.post(link, {"password": "short"}).status_code == 200
    client.post(link, {"password": "four very quiet lanterns"})
    assert client.get(link).status_code == 410
    assert signed_in.get("/my/").status_code == 302
    assert client.login(username=EMAIL, password="four very quiet lanterns")


@pytest.mark.both
def test_forms_of_one_reset_link_that_are_sent_at_once_set_one_password(client: Client) -> None:
    sign_up()
    client.post("/account/reset/", {"email": EMAIL})
    link, statuses = link_in_email(), dict[str, int]()

    def send(password: str) -> None:
        try:
            statuses[password] = Client().post(link, {"password": password}).status_code
        finally:
            connections.close_all()

    racers = [Thread(target=send, args=(f"four very quiet lanterns {number}",)) for number in range(4)]
    for racer in racers:
        racer.start()
    join_threads(*racers)
    assert sorted(statuses.values()) == [302, 410, 410, 410]
    (kept,) = (password for password, status in statuses.items() if status == 302)
    assert client.login(username=EMAIL, password=kept)


def test_a_password_is_replaced_only_by_whoever_knew_the_present_one() -> None:
    sign_up()
    first, second = Login.objects.get(), Login.objects.get()
    assert accounts.replace_password(first, "four very quiet lanterns")
    assert not accounts.replace_password(second, "five very quiet lanterns")
    assert Login.objects.get().check_password("four very quiet lanterns")


def test_a_link_is_for_one_kind_of_page_and_says_nothing_by_itself(client: Client) -> None:
    token = encrypted_tokens.encrypt_token("sign-up", EMAIL)
    assert EMAIL not in token
    assert client.get(f"/account/reset/{token}/").status_code == 410
    assert client.get(f"/account/sign-up/{token[:-2]}/").status_code == 410
    assert client.get("/account/sign-up/nonsense/").status_code == 410
    with pytest.raises(encrypted_tokens.InvalidLink):
        encrypted_tokens.decrypt_token("sign-up", token, str, max_age_s=-1)


def test_changing_the_password_asks_for_the_old_one() -> None:
    client, _ = sign_in_customer()
    other = Client()
    other.login(username=EMAIL, password=PASSWORD)
    wrong = client.post("/account/password/", {"current": "no", "password": "four very quiet lanterns"})
    assert wrong.context["form"].has_error("current", "wrong-password")
    client.post("/account/password/", {"current": PASSWORD, "password": "four very quiet lanterns"})
    assert client.get("/my/").status_code == 200
    assert other.get("/my/").status_code == 302


def test_staff_become_customers_when_they_want_to(client: Client) -> None:
    client.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
    assert client.get("/my/").headers["Location"] == "/account/join/?next=/my/"
    client.post("/account/join/?next=/my/", {"email": "boss@example.org"})
    link = link_in_email()
    assert not Account.objects.exists()
    assert "boss@example.org" in client.get(link).content.decode()
    assert [client.post(link, {"name": "Boss"}).headers["Location"] for _ in range(2)] == ["/my/"] * 2
    assert Account.objects.count() == 1
    assert client.get("/my/").status_code == 200


def test_the_page_for_staff_tells_nobody_whether_an_address_has_an_account(client: Client) -> None:
    sign_up()
    client.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
    known, unknown = (client.post("/account/join/", {"email": one}).content for one in (EMAIL, "boss@example.org"))
    assert known == unknown
    assert [email.to for email in mail.outbox] == [[EMAIL], ["boss@example.org"]]
    assert "already" in mail.outbox[0].subject


def test_a_link_to_become_a_customer_is_for_one_login_and_a_free_address(client: Client) -> None:
    client.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
    client.post("/account/join/", {"email": EMAIL})
    link, other = link_in_email(), Client()
    other.force_login(Login.objects.create_superuser("chief", password=PASSWORD))
    assert other.post(link, {"name": "Chief"}).status_code == 410
    sign_up()
    assert client.post(link, {"name": "Boss"}).status_code == 410
    assert Account.objects.count() == 1


def test_a_closed_account_is_signed_out_and_cannot_come_back() -> None:
    client, person_id = sign_in_customer()
    accounts.close(person_id)
    assert client.get("/my/").status_code == 302
    assert not Client().login(username=EMAIL, password=PASSWORD)


def test_staff_who_leave_as_customers_keep_the_login_of_their_work(client: Client) -> None:
    boss = Login.objects.create_superuser("boss", password=PASSWORD)
    person_id = accounts.join(boss, form_id=new_id(), email="boss@example.org", name="Boss")
    accounts.close(person_id)
    assert client.login(username="boss", password=PASSWORD)
    assert accounts.person_of(boss) is None


def test_while_no_mail_leaves_the_page_says_so_and_no_log_names_the_address(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    for path in ("/account/sign-up/", "/account/reset/"):
        answer = client.post(path, {"email": EMAIL})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
        assert "account/email_unavailable.html" in [template.name for template in answer.templates]
    failures = [record for record in caplog.records if record.name == "users.application.emails"]
    assert [record.levelname for record in failures] == ["ERROR"] * 2
    assert all("ConnectionRefusedError" in (record.args or ()) for record in failures)
    assert EMAIL not in caplog.text


def test_a_button_pressed_after_the_session_ended_leads_back_to_its_page(client: Client) -> None:
    sign_up()
    sent = client.post("/my/consents/Personalisation/choice/", {"answer": "yes"})
    form = {"username": EMAIL, "password": PASSWORD, "next": sent.headers["Location"].partition("next=")[2]}
    assert client.post("/account/sign-in/", form, follow=True).redirect_chain[-1][0] == "/my/consents/"
