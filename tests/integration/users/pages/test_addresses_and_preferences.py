"""The address book, chosen from at the checkout and erased with its person; language and time zone of letters."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client

from eventshop.core.messages import new_id
from eventshop.datetimes import format_datetime
from eventshop.eventstore.command_dispatcher import send
from eventshop.privacy.encryption import personal_keys
from eventshop.projections.effects.worker import perform_effects
from eventshop.web.letters.letter import written_to
from orders.application.customer_order import load_any_order
from orders.demo.catalogue import store_catalogue
from orders.domain.commands import CreateOrder, RequestPayment
from tests.support.customers import PASSWORD, sign_in_customer
from tests.support.database import dump_database
from tests.support.order_payments import decline_payment
from tests.support.pages import find
from tests.support.sales import LANTERNS
from users.application.customer_adapter import load_person
from users.domain.commands import ChangeContactDetails, ChangePreferences, SaveDeliveryAddress

pytestmark = pytest.mark.usefixtures("clean_database")
HOME, OFFICE = "1 Elm St\nYork", "2 Mill Rd\nLeeds"


@pytest.fixture
def ada() -> tuple[Client, UUID]:
    return sign_in_customer()


def hidden(client: Client, path: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', client.get(path).text))


def add(client: Client, name: str, address: str, query: str = "", **more: str) -> str:
    path = f"/my/addresses/add/{query}"
    form = hidden(client, path) | {"name": name, "address": address} | more
    client.post(path, form)
    return client.post(path, form).headers["Location"]  # sent twice, it is one address


def test_addresses_are_added_changed_and_removed(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    assert add(client, "Ada Marker", HOME) == "/my/addresses/"
    add(client, "Marker Ltd", OFFICE, is_default="on")
    first, second = load_person(person).address_book.values()
    assert (first.address, first.is_default) == (HOME, False)
    assert (second.address, second.is_default) == (OFFICE, True)
    path = f"/my/addresses/{first.key}/"
    assert "1 Elm St" in client.get(path).text
    client.post(path, hidden(client, path) | {"name": "Ada M", "address": HOME, "is_default": "on"})
    assert [(one.name, one.is_default) for one in load_person(person).address_book.values()] == [
        ("Ada M", True),
        ("Marker Ltd", False),
    ]
    client.post(f"/my/addresses/{second.key}/remove/")
    assert "Marker Ltd" not in client.get("/my/addresses/").text
    assert client.get(f"/my/addresses/{second.key}/").status_code == 404


def test_another_persons_address_is_not_found(ada: tuple[Client, UUID]) -> None:
    add(ada[0], "Ada Marker", HOME)
    [entry] = load_person(ada[1]).address_book.values()
    other, _ = sign_in_customer("bob@example.org", "Bob")
    assert other.get(f"/my/addresses/{entry.key}/").status_code == 404
    assert other.post(f"/my/addresses/{entry.key}/remove/").status_code == 404
    assert load_person(ada[1]).address_book


def test_the_checkout_offers_the_addresses_and_comes_back_with_a_new_one(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    store_catalogue()
    send(ChangeContactDetails(person, "ada.marker@example.org", "Ada Marker", address=HOME))
    client.post("/shop/KIT-101/", {"quantity": "1"})
    back = add(client, "Marker Ltd", OFFICE, "?next=/checkout/address/")
    [office] = load_person(person).address_book.values()
    assert back == f"/checkout/address/?address={office.key}"
    options = find(client.get(back), name="choice")
    assert [(one.attributes["value"], "checked" in one.attributes) for one in options] == [
        ("details", False),
        (office.key, True),
    ]
    assert client.post("/checkout/address/", {"choice": str(new_id())}).status_code == 200
    client.post("/checkout/address/", {"choice": "details"})
    client.post("/checkout/delivery/", {"choice": "standard"})
    client.post("/checkout/payment/", {"choice": "later"})
    assert "1 Elm St" in client.get("/checkout/").text
    client.post("/checkout/address/", {"choice": office.key})
    done = client.post("/checkout/", hidden(client, "/checkout/"))
    order = load_any_order(UUID(done.headers["Location"].split("/")[2]))
    assert order is not None
    assert order.destination == f"Marker Ltd\n{OFFICE}"


def test_addresses_are_stored_encrypted_and_erased_with_their_person(ada: tuple[Client, UUID]) -> None:
    _, person = ada
    send(SaveDeliveryAddress(person, new_id(), "Ada Marker", OFFICE))
    send(ChangePreferences(person, "de", "Asia/Tokyo"))
    assert "Mill Rd" not in dump_database()
    assert "Asia/Tokyo" not in dump_database()
    personal_keys.destroy_keys(person)
    erased = load_person(person)
    assert erased.address_book == {}
    assert erased.preferences.time_zone == "Europe/London"


def test_letters_are_in_the_language_and_the_time_zone_of_the_person(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    form = hidden(client, "/my/preferences/") | {"language": "de", "time_zone": "Asia/Tokyo"}
    client.post("/my/preferences/", form)
    order_id = new_id()
    send(CreateOrder(order_id, "A-1", person, (LANTERNS,), delivery_name="Ada", delivery_address=HOME))
    send(RequestPayment(order_id, "card"))
    decline_payment(order_id)
    perform_effects()
    confirmed, declined = mail.outbox
    assert confirmed.subject == "Ihre Bestellung A-1"
    assert "20,34 £" in str(confirmed.body)
    assert "JST" in str(confirmed.body)
    assert confirmed.extra_headers["Content-Language"] == "de"
    assert isinstance(confirmed, mail.EmailMultiAlternatives)
    assert '<html lang="de">' in str(confirmed.alternatives[0][0])
    assert declined.subject == "Ihre Zahlung für Bestellung A-1 ist fehlgeschlagen"
    assert "wurde abgelehnt" in str(declined.body)
    for english in ("Your", "You ", "Thank", "Order", "the"):
        assert f" {english} " not in str(confirmed.body) + str(declined.body)


def test_whoever_has_chosen_nothing_is_written_to_as_before(ada: tuple[Client, UUID]) -> None:
    send(CreateOrder(new_id(), "A-2", ada[1], (LANTERNS,)))
    perform_effects()
    assert mail.outbox[0].subject == "Your order A-2"
    assert "£20.34" in str(mail.outbox[0].body)


def test_notices_of_the_moment_are_in_the_language_of_their_reader_too(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    send(ChangePreferences(person, "de", "Europe/Berlin"))
    token = {"name": "x", "days": "30", "scopes": ["orders:read"], "password": PASSWORD}
    client.post("/account/tokens/", token)
    assert mail.outbox[-1].subject == "Ihr Konto bei EventShop"
    assert "Ein API-Token wurde erstellt" in str(mail.outbox[-1].body)


def test_pages_show_the_times_of_whoever_is_signed_in(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    order_id = new_id()
    send(CreateOrder(order_id, "A-1", person, (LANTERNS,)))
    assert "JST" not in client.get(f"/orders/{order_id}/").text
    send(ChangePreferences(person, "en", "Asia/Tokyo"))
    client.post("/account/sign-out/")
    client.post("/account/sign-in/", {"username": "ada.marker@example.org", "password": PASSWORD})
    order = load_any_order(order_id)
    assert order is not None
    with written_to(person):
        shown = format_datetime(order.ordered_at)
    assert shown in client.get(f"/orders/{order_id}/").text


def test_wrong_choices_are_told_beside_their_fields(ada: tuple[Client, UUID]) -> None:
    client, person = ada
    page = client.post("/my/preferences/", {"form_id": str(new_id()), "language": "xx", "time_zone": "Mars/Base"})
    assert page.text.count("Error: </span>") == 2
    assert 'href="#id_language"' in page.text
    assert 'id="id_language"' in page.text
    assert load_person(person).preferences.language == "en-gb"
