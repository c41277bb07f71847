"""The second factor: set up with an app, asked for at each door, replaced by recovery codes, forced on staff."""

from __future__ import annotations

from base64 import b32decode, b32encode
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User as Login
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice

from eventshop.privacy.encryption.key_wrapping import WrongKeyEncryptionKey
from tests.support.customers import EMAIL, PASSWORD, sign_in_customer, sign_up
from tests.support.database import dump_database
from users.application import accounts, second_factors
from users.models import AuthenticatorApp

pytestmark = pytest.mark.usefixtures("clean_database")
CHECK = "/account/second-factor/check/"


def add_app(client: Client, path: str = "/account/second-factor/app/") -> list[str]:
    """Add an authenticator app on the page; returns the recovery codes."""
    key = b32decode(client.get(path).context["key"])
    page = client.post(path, {"code": f"{totp(key):06}", "password": PASSWORD})
    codes: list[str] = page.context["codes"]
    return codes


def next_code(login: Login) -> str:
    """A code that the app shows later, because each works once; it is within the tolerance."""
    key = AuthenticatorApp.objects.get(user=login).bin_key
    return f"{totp(key, drift=1):06}"


def sign_in(path: str = "/account/sign-in/", name: str = EMAIL) -> Client:
    client = Client()
    client.post(path, {"username": name, "password": PASSWORD})
    return client


def test_a_customer_with_an_app_needs_its_code_at_the_next_sign_in() -> None:
    client, person = sign_in_customer()
    codes = add_app(client)
    assert (len(codes), mail.outbox[-1].to) == (second_factors.RECOVERY_CODES, [EMAIL])
    assert client.get("/my/").status_code == 200  # this session has just proved it
    again, login = sign_in(), accounts.login_by_person(person)
    assert login is not None
    assert again.get("/my/data/").headers["Location"] == f"{CHECK}?next=/my/data/"
    assert again.get("/api/v1/orders").status_code == 403
    assert again.post(CHECK, {"code": "000000"}).context["form"].has_error("code", "wrong-code")
    code = next_code(login)
    assert again.post(CHECK, {"code": code, "next": "/my/data/"}).headers["Location"] == "/my/data/"
    assert again.get("/my/data/").status_code == 200
    assert sign_in().post(CHECK, {"code": code}).context["form"].has_error("code", "wrong-code")  # each works once


def test_customers_are_offered_one_and_those_signed_in_elsewhere_are_signed_out() -> None:
    client, person = sign_in_customer()
    assert 'href="/account/second-factor/"' in client.get("/my/").content.decode()
    elsewhere = sign_in()
    assert elsewhere.get("/my/").status_code == 200  # nobody has to take it
    add_app(client)
    assert [one.get("/my/").status_code for one in (client, elsewhere)] == [200, 302]
    login = accounts.login_by_person(person)
    assert login is not None
    elsewhere = sign_in()
    elsewhere.post(CHECK, {"code": next_code(login)})
    client.post("/account/second-factor/", {"action": "remove", "password": PASSWORD})
    assert [one.get("/my/").status_code for one in (client, elsewhere)] == [200, 302]


def test_a_recovery_code_works_once_and_is_stored_as_a_digest() -> None:
    client, _ = sign_in_customer()
    [code, *_] = add_app(client)
    assert sign_in().post(CHECK, {"code": f" {code.upper()} "}).headers["Location"] == "/my/"
    assert sign_in().post(CHECK, {"code": code}).context["form"].has_error("code", "wrong-code")
    assert second_factors.recovery_codes_left(Login.objects.get()) == second_factors.RECOVERY_CODES - 1
    device = StaticDevice.objects.get()
    assert not device.token_set.filter(token=code).exists()


def test_wrong_codes_are_limited_although_the_password_is_right_each_time() -> None:
    add_app(sign_in_customer()[0])
    statuses = [sign_in().post(CHECK, {"code": "000000"}).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2


@pytest.mark.parametrize("path", ["/account/sign-in/", "/admin/login/"])
def test_staff_without_a_second_factor_are_led_to_set_it_up_on_every_door(settings: Any, path: str) -> None:
    settings.STAFF_SECOND_FACTOR = True
    Login.objects.create_superuser("boss", password=PASSWORD)
    client = sign_in(path, "boss")
    for page in ("/admin/", "/account/tokens/"):
        assert client.get(page).headers["Location"] == f"/account/second-factor/?next={page}"
    assert client.get("/api/v1/orders").status_code == 403
    assert client.get("/account/second-factor/").context["is_due"]
    add_app(client)
    assert client.get("/admin/").status_code == 200
    later = sign_in(path, "boss")
    assert later.get("/admin/").headers["Location"] == f"{CHECK}?next=/admin/"
    later.post(CHECK, {"code": next_code(Login.objects.get())})
    assert later.get("/admin/").status_code == 200


def test_customers_must_have_one_where_the_setting_says_so(settings: Any) -> None:
    settings.CUSTOMER_SECOND_FACTOR = True
    sign_up()
    client = sign_in()
    assert client.get("/my/data/").headers["Location"] == "/account/second-factor/?next=/my/data/"
    assert client.get("/api/v1/orders").status_code == 403
    add_app(client)
    assert client.get("/my/data/").status_code == 200


def test_the_key_of_an_app_is_encrypted_under_the_key_of_the_installation(settings: Any) -> None:
    client, _ = sign_in_customer()
    key = b32decode(client.get("/account/second-factor/app/").context["key"])
    assert key.hex() not in str(dict(client.session.items()))  # sessions are rows, too
    add_app(client)
    app, dump = AuthenticatorApp.objects.get(), dump_database()
    assert app.bin_key == key
    assert not [form for form in (key.hex(), b32encode(key).decode()) if form in dump]
    former, other = settings.KEY_ENCRYPTION_KEYS, bytes(range(32))
    settings.KEY_ENCRYPTION_KEYS = [other, *former]
    assert app.bin_key == key
    call_command("rotate_keys")
    settings.KEY_ENCRYPTION_KEYS = [other]
    assert AuthenticatorApp.objects.get().bin_key == key
    app.key = AuthenticatorApp.objects.get().key
    app.user_id += 1
    with pytest.raises(WrongKeyEncryptionKey):  # it is no other account's
        _ = app.bin_key


def test_a_key_that_an_earlier_release_stored_is_encrypted_by_the_migration() -> None:
    client, _ = sign_in_customer()
    add_app(client)
    key = AuthenticatorApp.objects.get().bin_key
    migration = import_module("users.migrations.0006_encrypted_app_keys")
    migration.decrypt_keys(apps, None)
    assert AuthenticatorApp.objects.get().key == key.hex()
    migration.encrypt_keys(apps, None)
    assert AuthenticatorApp.objects.get().bin_key == key
    migration.encrypt_keys(apps, None)
    assert AuthenticatorApp.objects.get().bin_key == key


def test_a_session_from_before_the_setting_reaches_no_console(settings: Any) -> None:
    client = Client()
    client.force_login(Login.objects.create_superuser("boss", password=PASSWORD))
    assert client.get("/admin/").status_code == 200
    settings.STAFF_SECOND_FACTOR = True
    assert client.get("/admin/").headers["Location"] == "/account/second-factor/?next=/admin/"


def test_nothing_is_added_or_removed_without_the_password_or_before_the_second_factor() -> None:
    client, _ = sign_in_customer()
    key = b32decode(client.get("/account/second-factor/app/").context["key"])
    client.post("/account/second-factor/app/", {"code": f"{totp(key):06}"})
    assert not AuthenticatorApp.objects.exists()
    add_app(client)
    client.post("/account/second-factor/", {"action": "remove", "password": "wrong"})
    half_signed_in = sign_in()
    for path in ("/account/second-factor/", "/account/second-factor/app/"):
        answer = half_signed_in.post(path, {"action": "remove", "password": PASSWORD})
        assert answer.headers["Location"] == CHECK
    assert half_signed_in.post("/account/second-factor/passkeys/new/begin/").status_code == 403
    assert AuthenticatorApp.objects.exists()
    client.post("/account/second-factor/", {"action": "remove", "password": PASSWORD})
    assert not AuthenticatorApp.objects.exists()
    assert sign_in().get("/my/").status_code == 200


def test_staff_remove_the_second_factor_of_somebody_who_lost_it(capsys: pytest.CaptureFixture[str]) -> None:
    client, _ = sign_in_customer()
    add_app(client)
    call_command("reset_second_factor", EMAIL)
    assert client.get("/my/").status_code == 302
    assert "1 apps and passkeys" in capsys.readouterr().out
    assert sign_in().get("/my/").status_code == 200
    assert mail.outbox[-1].to == [EMAIL]


def test_erasure_removes_it() -> None:
    client, person = sign_in_customer()
    add_app(client)
    accounts.close(person)
    assert not AuthenticatorApp.objects.exists()


def test_a_page_needs_no_further_query_for_it() -> None:
    sign_up()
    client = sign_in()
    assert client.get("/account/password/").status_code == 200
    assert client.session["second_factor_due"] == ""
