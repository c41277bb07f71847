"""The privacy pages mask personal data, and record every access before they show it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User as Login
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.erasure import findings
from eventshop.privacy.models import Certificate, Erasure, ErasureFinding
from eventshop.privacy.retention import rules_about
from projections.admin.privacy import MASK
from tests.support.erasures import erase_person
from tests.support.pages import find, texts
from tests.support.staff import actor_of, boss, clerk, message_tags, messages_of, update_read_models
from users.admin.forms import RevealForm
from users.domain.commands import CreateUser, GrantConsent
from users.domain.events import DataAccessed

pytestmark = pytest.mark.usefixtures("clean_database")

PEOPLE, CONSENTS, ACTIVITY = (
    f"/admin/projections/{name}/" for name in ("userprofile", "consentregister", "activitytimeline")
)
WORDS = ("zz-ada@example.org", "Zz-Ada Lovelace", "+44 20 7946 0001", "12 St Zz-James Square")


@pytest.fixture(autouse=True)
def configure_settings(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def create_ada() -> UUID:
    person, now = uuid4(), timezone.now()
    send(CreateUser(person, *WORDS))
    send(GrantConsent(person, "DirectMarketing", "2026-01", at=now, expires_at=now + timedelta(days=730)))
    update_read_models()
    return person


def create_erased_person() -> UUID:
    return erase(create_ada())


def erase(person: UUID) -> UUID:
    erase_person(person)
    update_read_models()
    return person


def person_url(person: UUID, action: str = "change") -> str:
    return reverse(f"admin:projections_userprofile_{action}", args=(person,))


def assert_nothing_personal(response: Any) -> str:
    """The text of a page, after checking that it exists and contains no personal data."""
    assert response.status_code == 200
    text: str = response.content.decode()
    for word in WORDS:
        assert word not in text
    return text


def test_lists_and_pages_show_masks() -> None:
    person, client = create_ada(), boss()
    assert MASK in assert_nothing_personal(client.get(PEOPLE))
    page = client.get(person_url(person))
    assert assert_nothing_personal(page).count(MASK) == 4
    tables = {table.heading: [list(map(strip_tags, row)) for row in table.rows] for table in page.context["tables"]}
    assert [row[0] for row in tables["Consents"]] == ["DirectMarketing"]
    assert [row[1] for row in tables["Timeline, newest first"]] == ["ConsentGranted", "UserCreated"]
    assert str(person)[-8:] in assert_nothing_personal(client.get(CONSENTS))


def test_a_person_is_found_by_id_and_by_no_address_without_a_reason() -> None:
    person, client = create_ada(), boss()
    for asked, found in ((str(person), 1), (WORDS[0].upper(), 0), ("zz-ada", 0), ("@", 0), (str(uuid4()), 0)):
        assert len(client.get(PEOPLE, {"q": asked}).context["cl"].result_list) == found, asked


def reveal(client: Client, person: UUID, **values: Any) -> Any:
    given = {"fields_asked": ["phone"], "reason": "parcel came back", "command_id": str(new_id())}
    return client.post(person_url(person, "reveal"), {**given, **values})


def accesses(person: UUID) -> list[DataAccessed]:
    return [recorded.event for recorded in store.get_events(person) if isinstance(recorded.event, DataAccessed)]


def test_what_is_asked_for_is_shown_and_on_record() -> None:
    person, client = create_ada(), clerk("view_userprofile", "reveal_personal")
    question = client.get(person_url(person, "reveal"))
    assert_nothing_personal(question)
    assert texts(question, "effect") == [RevealForm.effect] != [""]
    shown = reveal(client, person)
    assert WORDS[2] in shown.content.decode()
    assert WORDS[1] not in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert accesses(person) == [DataAccessed(person, ("phone",), "parcel came back", actor_of("clerk"))]


@pytest.mark.parametrize(
    "values", [{"reason": ""}, {"reason": "x" * 201}, {"fields_asked": []}, {"fields_asked": ["password"]}]
)
def test_without_a_reason_or_a_field_nothing_is_shown_and_nothing_recorded(values: dict[str, Any]) -> None:
    person = create_ada()
    assert_nothing_personal(reveal(boss(), person, **values))
    assert accesses(person) == []


def test_looking_needs_its_permission() -> None:
    person = create_ada()
    for client in (Client(), clerk(), clerk("view_userprofile"), clerk("view_userprofile", "hold_personal")):
        answer = reveal(client, person)
        assert answer.status_code in (302, 403)
        assert WORDS[2] not in answer.content.decode()
    assert accesses(person) == []


def test_nobody_can_be_looked_at_who_is_erased_or_never_was() -> None:
    person, client = create_erased_person(), boss()
    assert reveal(client, person).status_code == 403
    assert reveal(client, uuid4()).status_code == 404
    page = client.get(person_url(person))
    assert MASK not in page.content.decode()
    assert texts(page, "state") == ["Erased"] and texts(page, "reveal_link") == ["erased"]


def test_legal_holds_are_placed_and_released() -> None:
    person, client = create_ada(), clerk("view_userprofile", "hold_personal")
    placed = client.post(
        person_url(person, "hold"), {"hold": "case 7", "reason": "a claim", "command_id": str(new_id())}
    )
    assert message_tags(placed) == ["success"] and "case 7" in messages_of(placed)[0]
    wrong = client.post(person_url(person, "release"), {"hold": "case 8", "command_id": str(new_id())})
    assert wrong.status_code == 200
    released = client.post(person_url(person, "release"), {"hold": "case 7", "command_id": str(new_id())})
    assert message_tags(released) == ["success"] and "case 7" in messages_of(released)[0]
    assert [recorded.meta.actor for recorded in store.get_events(person)][-2:] == [actor_of("clerk")] * 2
    assert clerk("view_userprofile").get(person_url(person, "hold")).status_code == 403


def test_an_erasure_shows_its_steps_and_its_certificate_what_is_kept() -> None:
    person, client = create_erased_person(), boss()
    queue = client.get("/admin/privacy/erasure/")
    assert_nothing_personal(queue)
    [progress] = [element.text for element in find(queue) if "field-progress" in element.attributes.get("class", "")]
    assert re.findall(r"\d+", progress) == ["7", "7"]
    erasure = client.get(reverse("admin:privacy_erasure_change", args=(person,)))
    assert_nothing_personal(erasure)
    results = {name: result for name, _, result in erasure.context["steps"]}
    assert len(results) == 7 and "contact" in results["destroy"]
    assert "§ 147 AO" in assert_nothing_personal(client.get("/admin/privacy/certificate/"))
    certificate = client.get(reverse("admin:privacy_certificate_change", args=(Certificate.objects.get().pk,)))
    shown = assert_nothing_personal(certificate)
    assert "table event" in dict(certificate.context["scanned"]) and "table event" in shown
    kept = {item.what for item in certificate.context["body"].kept}
    assert kept >= {rule.what for rule in rules_about(["consents"])} != set()
    assert kept <= set(texts(certificate, scope="row"))


def test_a_stopped_erasure_says_why() -> None:
    person = create_ada()
    Erasure.objects.create(subject=person, step="scan", problem="TracesLeft: where table auth_user (1)")
    client = boss()
    assert "table auth_user" in assert_nothing_personal(client.get("/admin/privacy/erasure/"))
    erasure = client.get(reverse("admin:privacy_erasure_change", args=(person,)))
    assert_nothing_personal(erasure)
    assert "table auth_user" in texts(erasure, role="alert")[0]


def test_what_the_scan_found_is_resolved_by_those_who_may() -> None:
    person, copy = create_ada(), Login.objects.create(username="leak", last_name=WORDS[0])
    erase(person)
    path, url = "/admin/privacy/erasure/", reverse("admin:privacy_erasure_resolve", args=(person,))
    assert "done, with findings" in texts(boss().get(path))
    finding = findings.open_findings(person).get()
    given = {"findings": [finding.pk], "resolution": "keep", "reason": "a claim in court"}
    for client in (clerk(), clerk("view_erasure")):
        assert client.post(url, given).status_code in (302, 403)
    client = clerk("view_erasure", "view_certificate", "resolve_finding")
    assert_nothing_personal(client.get(url))
    assert message_tags(client.post(url, given | {"reason": ""})) == ["reason-missing error"]
    assert message_tags(client.post(url, given | {"resolution": "seal"}))[-1:] == ["nothing-to-seal error"]
    assert findings.open_findings(person).exists()
    assert message_tags(client.post(url, given))[-1:] == ["success"]
    [row] = find(client.get(reverse("admin:privacy_erasure_change", args=(person,))), "finding")
    assert str(copy.pk) in row.text and "a claim in court" in row.text and "clerk" in row.text
    assert ErasureFinding.objects.get().resolved_by == actor_of("clerk")
    certificate = client.get(reverse("admin:privacy_certificate_change", args=(Certificate.objects.get().pk,)))
    assert "a claim in court" in texts(certificate, "finding")[0]
    assert "the name of a country" not in texts(certificate, "clear-field")


def test_the_logs_of_use_and_access_are_one_click_away() -> None:
    person, client = create_ada(), boss()
    reveal(client, person)
    update_read_models()
    rows = client.get(ACTIVITY, {"log": "access"}).context["cl"].result_list
    assert [(row.event_type, row.aggregate_id) for row in rows] == [("DataAccessed", person)]
    assert rows[0].actor == actor_of("boss") and "parcel came back" not in rows[0].summary
    assert list(client.get(ACTIVITY, {"log": "erasure"}).context["cl"].result_list) == []
