"""Reported cases of personal data: texts that block an erasure, and masked values that answer questions."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command

from eventshop.eventstore.command_dispatcher import send
from eventshop.privacy.erasure import findings
from eventshop.privacy.erasure.certificates import read_certificate
from eventshop.privacy.models import Certificate, PersonalKey
from orders.domain.commands import CancelOrder, CreateOrder
from tests.support.api_clients import problem_of, shopper
from tests.support.database import dump_database
from tests.support.earlier_event_versions import append_earlier_events
from tests.support.erasures import erase_person
from tests.support.sales import LANTERNS, Sale
from tests.support.staff import clerk, update_read_models
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")

EMAIL: Final = "zz-john.doe@example.org"


@pytest.fixture(autouse=True)
def surroundings(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def sign_up_john() -> UUID:
    john = uuid4()
    send(CreateUser(john, EMAIL, "John Doe", address="5 Elm Street\nYork"))
    return john


def erase(person: UUID) -> Certificate:
    assert erase_person(person).step == "done"
    assert not PersonalKey.objects.filter(subject=person).exists()
    update_read_models()
    return Certificate.objects.get(subject=person)


def store_as_an_earlier_release_did(order_id: UUID, text: str, customer: UUID | None = None) -> None:
    """A cancellation in clear: its schema version is from before the reason was encrypted."""
    person = f'"{customer}"' if customer else "null"
    payload = f'{{"order_id":"{order_id}","reference":"1","customer_id":{person},"reason":"{text}","lines":[]}}'
    append_earlier_events(order_id, "Order", ("OrderCancelled", 2, payload))


def test_somebody_elses_address_in_a_payments_method_is_refused() -> None:
    """An e-mail address as the `method`: was stored, and held up that person's erasure. Right: refused."""
    john, customer = sign_up_john(), shopper()
    sale = Sale(1, (LANTERNS,), customer_id=customer.person)
    send(CreateOrder(sale.order_id, sale.reference, customer.person, sale.lines))
    update_read_models()
    answer = customer.post(f"orders/{sale.order_id}/payments", {"method": EMAIL}, if_match='"1"')
    assert problem_of(answer)[0] in (400, 422)
    assert read_certificate(erase(john)).scan.hits == []


def test_nobodys_text_holds_up_somebody_elses_erasure() -> None:
    """The same address in a text of another customer: ended in `TracesLeft` for ever, half erased.

    Right: the erasure ends, the certificate names the place, and staff seal the text or keep it with a reason.
    """
    john, other = sign_up_john(), Sale(1, (LANTERNS,))
    send(CreateOrder(other.order_id, other.reference, other.customer_id, other.lines))
    send(CancelOrder(other.order_id, f"ask {EMAIL}"))
    update_read_models()
    certificate = erase(john)
    [finding] = findings.open_findings(john)
    assert (finding.place, finding.owner) == ("table projections_ordersummary", other.order_id)
    assert [(item.place, item.state) for item in read_certificate(certificate).findings] == [(finding.place, "open")]
    call_command("resolve_findings", john, "--seal", "--operator", "Eve", stdout=StringIO())
    certificate.refresh_from_db()
    assert [item.state for item in read_certificate(certificate).findings] == ["sealed"]
    assert EMAIL not in dump_database()


def test_a_text_of_an_earlier_release_is_named_and_kept_with_a_reason() -> None:
    """The same in an event of an earlier release, which is in clear for ever: the certificate says so, and why."""
    john, order_id = sign_up_john(), uuid4()
    store_as_an_earlier_release_did(order_id, f"ask {EMAIL}")
    certificate = erase(john)
    [finding] = findings.open_findings(john)
    assert (finding.place, finding.owner) == ("table event", order_id)
    call_command("resolve_findings", john, "--seal", "--operator", "Eve", stdout=StringIO())
    assert findings.open_findings(john).get().pk == finding.pk  # there is no key to destroy
    call_command("resolve_findings", john, "--keep", "accounting record", "--operator", "Eve", stdout=StringIO())
    certificate.refresh_from_db()
    [item] = read_certificate(certificate).findings
    assert (item.place, item.state, item.reason) == ("table event", "kept", "accounting record")


def test_a_reason_with_a_name_and_an_address_goes_with_its_author() -> None:
    """A cancel reason with a name and an address, then erasure: the certificate said that nothing was found.

    Right: the text is gone; in an event of an earlier release the certificate names it.
    """
    john = sign_up_john()
    text = "my late husband John Doe of 5 Elm Street"
    sale = Sale(1, (LANTERNS,), customer_id=john)
    send(CreateOrder(sale.order_id, sale.reference, john, sale.lines))
    send(CancelOrder(sale.order_id, text))
    update_read_models()
    assert text in dump_database()
    body = read_certificate(erase(john))
    assert body.scan.hits == [] and body.findings == []
    assert text not in dump_database()
    assert "OrderCancelled" not in {item.event_type for item in body.clear_fields if item.field == "reason"}


def test_a_reason_of_an_earlier_release_is_named_on_the_certificate() -> None:
    john, sale = sign_up_john(), Sale(1, (LANTERNS,))
    store_as_an_earlier_release_did(sale.order_id, "my late husband John Doe of 5 Elm Street", john)
    body = read_certificate(erase(john))
    assert ("OrderCancelled", "reason") in {(item.event_type, item.field) for item in body.clear_fields}
    assert "table event" in {item.place for item in body.findings}


def test_a_masked_address_is_not_read_letter_by_letter() -> None:
    """Staff with `view_userprofile` only, `?email__startswith=a`: gave the masked value. Right: refused."""
    send(CreateUser(uuid4(), "ada@example.org", "Ada Lovelace"))
    update_read_models()
    client = clerk("view_userprofile")
    for letter in "ab":
        assert client.get("/admin/projections/userprofile/", {"email__startswith": letter}).status_code == 400
