"""The REST API of users, legal holds and stock movements."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from eventshop.core.messages import new_id
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.customers import EMAIL
from tests.support.staff import update_read_models
from users.application.customer_adapter import Person, load_person
from users.domain.events import CategoriesErased
from users.domain.user import Status

pytestmark = pytest.mark.usefixtures("clean_database")

MAILS = "DirectMarketing"
NOTICE = {"notice": "2026-01"}
HOME = {"name": "Ada M.", "address": "1 St\nYork"}


def load_me(program: ApiClient) -> Person:
    assert program.person
    return load_person(program.person)


def test_contact_details_are_put_right_and_the_address_stays() -> None:
    program = shopper()
    path = f"people/{program.person}/contact"
    answer = program.send("put", path, HOME, if_match='"1"', idempotency_key="k")
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    contact = load_me(program).contact
    assert contact and (contact.name, contact.email, contact.address) == ("Ada M.", "ada@example.org", "1 St\nYork")
    again = program.send("put", path, HOME, if_match='"1"', idempotency_key="k")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
    assert problem_of(program.send("put", path, HOME, if_match='"1"')) == (412, "wrong-expected-version")
    assert problem_of(program.send("put", path, {"name": ""}, if_match="*")) == (422, "invalid-body")
    other = {**HOME, "name": "Eve"}
    assert problem_of(program.send("put", path, other, if_match="*", idempotency_key="k")) == (422, "command-id-reused")
    assert len(load_me(program).events) == 2


def test_a_consent_is_given_and_taken_back_and_each_request_counts_once() -> None:
    program = shopper()
    path = f"people/{program.person}/consents/{MAILS}"
    given = program.send("put", path, NOTICE, if_match="*", idempotency_key="k")
    assert given.status_code == 200, given.content
    again = program.send("put", path, NOTICE, if_match="*", idempotency_key="k")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true"), again.content
    assert list(load_me(program).state.consents) == [MAILS]
    assert load_me(program).events[-1].event.source == "api"  # type: ignore[union-attr]
    assert program.send("delete", path, if_match='"2"').status_code == 200
    assert not load_me(program).state.consents
    already = program.send("delete", path, if_match="*")
    assert (already.status_code, already.json()["events"]) == (200, 0)
    old = program.send("put", path, {"notice": "2025-05"}, if_match="*")
    assert problem_of(old) == (422, "notice-expired")
    base = f"people/{program.person}/consents"
    assert problem_of(program.send("put", f"{base}/Gossip", NOTICE, if_match="*")) == (404, "not-found")
    assert problem_of(program.send("put", f"{base}/DeliveryOfGoods", NOTICE, if_match="*")) == (
        409,
        "consent-not-asked",
    )


def test_a_consent_is_read_as_it_was_by_the_person_alone() -> None:
    program, other = shopper(), shopper("bob@example.org")
    program.send("put", f"people/{program.person}/consents/{MAILS}", NOTICE, if_match="*")
    between = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    program.send("delete", f"people/{program.person}/consents/{MAILS}", if_match="*")
    update_read_models()
    [consent] = program.get("consents").json()["results"]
    path = f"consents/{consent['id']}"
    assert program.get(path).json()["status"] == "ConsentWithdrawn"
    assert program.get(f"{path}?as_of={between}").json()["status"] == "ConsentGiven"
    assert problem_of(program.get(f"{path}?as_of=2020-01-01T00:00:00Z")) == (404, "not-found")
    assert problem_of(other.get(path)) == (404, "not-found")


def test_the_use_of_data_is_restricted_and_allowed_again() -> None:
    program = shopper()
    path = f"people/{program.person}/restriction"
    assert program.send("put", path, {"reason": "it is wrong"}, if_match="*").status_code == 200
    assert load_me(program).state.restricted
    assert program.send("delete", path, if_match="*").status_code == 200
    unchanged = program.send("delete", path, if_match="*").json()
    assert (load_me(program).state.restricted, unchanged["events"]) == (False, 0)


def test_erasure_is_asked_for_once_confirmed_by_email_and_can_be_taken_back() -> None:
    program = shopper(EMAIL)
    path = f"people/{program.person}/erasure"
    first, again = (program.send("post", path, if_match="*", idempotency_key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202), again.content
    assert again.headers["Idempotency-Replayed"] == "true" and first.json() == again.json()
    assert load_me(program).state.status is Status.LEAVING
    assert [email.to for email in mail.outbox] == [[EMAIL]]
    where = first.headers["Location"].partition("testserver")[2]
    assert Client().get(where).json()["state"] == "requested"
    assert program.send("delete", path, if_match='"2"').status_code == 200
    assert Client().get(where).json()["state"] == "taken back"
    assert problem_of(Client().get(where[:-8])) == (404, "not-found")
    assert load_me(program).state.status is Status.ACTIVE
    browser = Client()
    browser.force_login(program.login)
    headers = {"idempotency-key": str(new_id()), "if-match": "*"}
    assert problem_of(browser.post(f"/api/v1/{path}", headers=headers)) == (403, "not-allowed")


def test_nobody_decides_for_somebody_else() -> None:
    owner, other = shopper(), shopper("bob@example.org")
    clerk = ApiClient(staff("clerk", "view_userprofile", "hold_personal", "reveal_personal"))
    reader = ApiClient(owner.login, scopes=["people:read", "orders:write"])
    calls: list[tuple[str, str, Any]] = [
        ("put", "contact", HOME),
        ("put", f"consents/{MAILS}", NOTICE),
        ("delete", f"consents/{MAILS}", None),
        ("put", "restriction", {"reason": "no"}),
        ("delete", "restriction", None),
        ("post", "erasure", None),
        ("post", "erasure/categories", {"categories": ["notes"]}),
        ("delete", "erasure", None),
    ]
    for method, what, body in calls:
        path = f"people/{owner.person}/{what}"
        for program, expected in (
            (other, (404, "not-found")),
            (clerk, (404, "not-found")),
            (reader, (403, "out-of-scope")),
        ):
            assert problem_of(program.send(method, path, body, if_match="*")) == expected, (method, what)
        assert problem_of(owner.send(method, path, body)) == (428, "precondition-missing"), (method, what)
    assert len(load_me(owner).events) == 1


def test_staff_take_pieces_in_and_write_them_off_if_they_may() -> None:
    keeper = ApiClient(staff("keeper", "receive_stock", "write_off_stock"))
    came = keeper.post("stock/MUG/receipts", {"quantity": 5, "reference": "D-1"}, idempotency_key="k")
    assert (came.status_code, came.headers["Location"]) == (201, "http://testserver/api/v1/stock/MUG")
    keeper.post("stock/MUG/receipts", {"quantity": 5, "reference": "D-1"}, idempotency_key="k")
    lost = {"quantity": 6, "reason": "broken", "reference": "C-1"}
    assert problem_of(keeper.post("stock/MUG/write-offs", lost)) == (409, "not-enough-stock")
    assert keeper.post("stock/MUG/write-offs", {**lost, "quantity": 5}).status_code == 201
    assert problem_of(keeper.post("stock/MUG/receipts", {"quantity": 0, "reference": "D"})) == (422, "invalid-body")
    for nobody in (shopper(), ApiClient(staff("clerk", "view_stocklevel"))):
        assert problem_of(nobody.post("stock/MUG/receipts", {"quantity": 5, "reference": "D"})) == (403, "not-allowed")
        assert problem_of(nobody.post("stock/MUG/write-offs", lost)) == (403, "not-allowed")


def test_staff_hold_what_a_claim_needs_and_release_it() -> None:
    program, clerk = shopper(), ApiClient(staff("clerk", "view_userprofile", "hold_personal"))
    path, hold = f"people/{program.person}/holds", {"hold": "case 7", "reason": "a claim"}
    assert clerk.post(path, hold, if_match='"1"').status_code == 201
    assert load_me(program).state.holds == {"case 7"}
    assert problem_of(program.post(f"{path}/release", {"hold": "case 7"}, if_match="*")) == (403, "not-allowed")
    assert problem_of(clerk.post(f"{path}/release", {"hold": "case 8"}, if_match="*")) == (409, "no-such-hold")
    assert clerk.post(f"{path}/release", {"hold": "case 7"}, if_match='"2"').status_code == 200
    assert problem_of(clerk.post(f"people/{new_id()}/holds", hold, if_match="*")) == (404, "not-found")


def test_a_program_erases_categories_once_and_a_browser_session_may_not() -> None:
    program = shopper(EMAIL)
    path = f"people/{program.person}/erasure/categories"
    for _ in range(2):
        answer = program.send("post", path, {"categories": ["notes"]}, if_match="*", idempotency_key="k")
        assert answer.status_code == 202, answer.content
    erased = [one.event for one in load_me(program).events if isinstance(one.event, CategoriesErased)]
    assert [(event.categories, event.source) for event in erased] == [(("notes",), "api")]
    for wrong in (["everything"], [], ["notes", "everything"], ["orders"]):
        assert program.send("post", path, {"categories": wrong}, if_match="*").status_code in (400, 422)
    browser = Client()
    browser.force_login(program.login)
    body = {"categories": ["notes"]}
    headers = {"if-match": "*", "idempotency-key": "b"}
    answer = browser.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)
    assert problem_of(answer)[0] == 403


def test_the_address_book_is_kept_over_the_api() -> None:
    program, other = shopper(), shopper("bob@example.org")
    path, body = f"people/{program.person}/addresses", {"name": "Ada M", "address": "1 St\nYork", "is_default": True}
    added = program.post(path, body, idempotency_key="a")
    assert added.status_code == 201 and added.headers["Location"].endswith(path), added.content
    again = program.post(path, body, idempotency_key="a")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (added.json(), "true")
    answer = program.get(path)
    [one] = answer.json()["results"]
    assert (one | body, answer.headers["ETag"]) == (one, added.headers["ETag"])
    entry = f"{path}/{one['address_id']}"
    changed = program.send("put", entry, {**body, "name": "A. Marker"}, if_match=answer.headers["ETag"])
    assert changed.status_code == 200, changed.content
    assert [row["name"] for row in program.get(path).json()["results"]] == ["A. Marker"]
    assert problem_of(program.send("put", entry, {"name": "", "address": 1}, if_match="*")) == (422, "invalid-body")
    assert problem_of(program.send("put", f"{path}/{new_id()}", body, if_match="*")) == (404, "not-found")
    for stranger in (other.get(path), other.post(path, body), other.send("delete", entry, if_match="*")):
        assert problem_of(stranger) == (404, "not-found")
    assert program.send("delete", entry, if_match="*").json()["events"] == 1
    assert program.send("delete", entry, if_match="*").json()["events"] == 0
    assert program.get(path).json()["results"] == []


def test_language_and_time_zone_of_letters_are_chosen_over_the_api() -> None:
    program = shopper()
    path, wanted = f"people/{program.person}/preferences", {"language": "de", "time_zone": "Europe/Berlin"}
    assert program.get(path).json() == {"language": "en", "time_zone": settings.TIME_ZONE}
    assert program.send("put", path, wanted, if_match="*").status_code == 200
    assert program.get(path).json() == wanted
    unknown = program.send("put", path, {**wanted, "time_zone": "Moon/Base"}, if_match="*")
    assert problem_of(unknown) == (422, "invalid-message")


def test_consents_are_listed_as_they_were() -> None:
    program = shopper()
    path = f"people/{program.person}/consents/{MAILS}"
    program.send("put", path, NOTICE, if_match="*")
    given_at = load_me(program).events[-1].meta.recorded_at.isoformat().replace("+00:00", "Z")
    program.send("delete", path, if_match="*")
    update_read_models()
    assert [row["status"] for row in program.get("consents").json()["results"]] == ["ConsentWithdrawn"]
    assert [row["status"] for row in program.get(f"consents?as_of={given_at}").json()["results"]] == ["ConsentGiven"]
    assert program.get("consents?as_of=2020-01-01T00:00:00Z").json()["results"] == []
