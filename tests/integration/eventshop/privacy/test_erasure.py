"""The erasure of a person, with its crashes, replays, leftovers and certificates."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User as Login
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from eventshop.core.errors import PersonErased
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import Snapshot, StoredEvent
from eventshop.eventstore.snapshots import repository
from eventshop.privacy import blind_index, retention
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure import certificates, erasure_job, erasure_log, findings, personal_data_holders
from eventshop.privacy.erasure.erasure_job import STEPS, ErasureBusy
from eventshop.privacy.models import Certificate, Claim, ErasedPerson, Erasure, ErasureFinding, PersonalKey
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import projection_registry
from orders.domain.commands import CancelOrder, CreateOrder, DeliverOrder, RecordObservedPayment, ShipOrder
from orders.domain.events import ExternalId
from projections.models import OrderSummary, UserProfile
from tests.conftest import BASE_DIR
from tests.support.database import dump_database
from tests.support.erasures import erase_person, request_erasure
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.sales import LANTERNS
from users.application.accounts import person_of, sign_up
from users.domain.commands import ChangeContactDetails, GrantConsent, RequestErasure
from users.domain.errors import AlreadyErased
from users.domain.events import DataErased

pytestmark = pytest.mark.usefixtures("clean_database")

WORDS = (
    "zz-ada@example.org",
    "Zz-Ada Lovelace",
    "+44 20 7946 0001",
    "12 St Zz-James Square",
    "Zz-Somerville",
    "Zz-4711",
)


@pytest.fixture(autouse=True)
def surroundings(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    cache.clear()
    yield
    cache.clear()


def create_customer() -> tuple[UUID, UUID]:
    """A customer with a consent, a changed address and a delivered order; gives the person and the order."""
    login = sign_up(form_id=uuid4(), email=WORDS[0], name=WORDS[1], password="correct horse")
    person = person_of(login)
    assert person is not None
    now = timezone.now()
    send(ChangeContactDetails(person, WORDS[0], WORDS[1], phone=WORDS[2], address=f"{WORDS[3]}\nLondon"))
    send(GrantConsent(person, "DirectMarketing", "2026-01", at=now, expires_at=now + timedelta(days=730)))
    order = CreateOrder(
        uuid4(),
        "000001",
        person,
        (LANTERNS,),
        "France",
        delivery_name=WORDS[1],
        delivery_address=WORDS[3],
        customer_external_id=ExternalId("marketplace", WORDS[5]),
    )
    send(order)
    send(RecordObservedPayment(order.order_id, amount=order.total, method="card"))
    send(ShipOrder(order.order_id, carrier="Royal Mail"))
    send(DeliverOrder(order.order_id, received_by=WORDS[4]))
    catch_up(*projection_registry.select([]))
    return person, order.order_id


def test_nothing_is_left_but_what_the_law_keeps() -> None:
    before = timezone.now()
    person, order_id = create_customer()
    assert all(word in dump_database() for word in WORDS)
    erasure = erase_person(person)
    catch_up(*projection_registry.select([]))
    left = dump_database()
    assert [word for word in WORDS if word.lower() in left.lower()] == []
    assert erasure.step == "done"
    assert not PersonalKey.objects.exclude(subject=blind_index.INDEX_KEY_SUBJECT).exists()
    assert not Claim.objects.exists()
    last = store.get_events(person)[-1]
    assert isinstance(last.event, DataErased)
    assert last.event.purposes == ("contact", "delivery")
    assert last.event.consents == ("DirectMarketing",)
    assert [kept.until for kept in last.event.kept] in [
        [date(year + 8, 12, 31), date(year + 3, 12, 31), None]
        for year in (before.year, timezone.now().year)  # the year may have ended meanwhile
    ]
    assert OrderSummary.objects.get(pk=order_id).total == LANTERNS.amount.amount
    assert UserProfile.objects.get(pk=person).status == "ERASED"
    assert_rows_equal_fold()


def test_snapshots_go_with_the_person_and_none_is_taken_again() -> None:
    person, order_id = create_customer()
    assert repository.take_snapshot(person) and repository.take_snapshot(order_id)
    assert {snapshot.state[:3] for snapshot in Snapshot.objects.all()} == {"e1."}
    erase_person(person)
    assert not Snapshot.objects.exists()
    assert not repository.take_snapshot(person) and not repository.take_snapshot(order_id)


def test_the_certificate_says_what_was_looked_through() -> None:
    person, _ = create_customer()
    erase_person(person)
    body = certificates.read_certificate(Certificate.objects.get(subject=person))
    assert body.purposes == ["contact", "delivery"]
    assert body.scan.hits == []
    assert body.scan.looked_at["table event"] == StoredEvent.objects.count()
    assert {
        "table receipt",
        "table projections_userprofile",
        "table auth_user",
        "table process_timer",
    } <= body.scan.looked_at.keys()
    assert len(body.kept) == 3
    for word in WORDS:
        assert word not in Certificate.objects.get().body


def test_the_account_is_closed_and_its_sessions_end() -> None:
    person, _ = create_customer()
    login = Login.objects.get()
    session = login.get_session_auth_hash()
    erase_person(person)
    login.refresh_from_db()
    assert not login.is_active
    assert not login.has_usable_password()
    assert login.get_session_auth_hash() != session


def test_an_erased_person_can_neither_act_nor_be_written_about() -> None:
    person, order_id = create_customer()
    erase_person(person)
    with pytest.raises(PersonErased):
        send(ChangeContactDetails(person, WORDS[0], WORDS[1]))
    with pytest.raises(AlreadyErased):
        send(RequestErasure(person, at=timezone.now(), due_at=timezone.now()))
    with pytest.raises(PersonErased):
        send(CreateOrder(uuid4(), "000002", person, (LANTERNS,), delivery_name=WORDS[1]))
    assert store.get_events(order_id)[0].event.delivery_name == Redacted("delivery")


def test_the_address_is_free_for_a_new_account() -> None:
    person, _ = create_customer()
    erase_person(person)
    again = sign_up(form_id=uuid4(), email=WORDS[0], name=WORDS[1], password="correct horse")
    assert person_of(again) != person


def test_other_people_keep_their_data_even_the_same_words() -> None:
    """Of two people with the same name and address, only rows with the erased person's id match."""
    person, _ = create_customer()
    twin = sign_up(form_id=uuid4(), email="twin@example.org", name=WORDS[1], password="correct horse")
    other = person_of(twin)
    assert other is not None
    send(ChangeContactDetails(other, "twin@example.org", WORDS[1], phone=WORDS[2], address=WORDS[3]))
    catch_up(*projection_registry.select([]))
    erase_person(person)
    assert store.get_events(other)[-1].event.name == WORDS[1]
    assert UserProfile.objects.get(pk=other).name == WORDS[1]


# --- what the scan finds -----------------------------------------------------------------------------------------


def test_a_copy_that_somebody_made_is_a_finding_until_it_is_gone() -> None:
    person, _ = create_customer()
    copy = Login.objects.create(username="leak", first_name="copied", last_name=WORDS[0].upper())
    assert erase_person(person).step == "done"
    assert not PersonalKey.objects.exclude(subject=blind_index.INDEX_KEY_SUBJECT).exists()
    finding = findings.open_findings(person).get()
    assert (finding.place, finding.item, finding.owner) == ("table auth_user", str(copy.pk), None)
    assert results_on_certificate(person) == [("table auth_user", "open", "")]
    assert WORDS[0] not in Certificate.objects.get().body.lower()
    assert bytes(Erasure.objects.get().words) != b""
    copy.delete()
    call_command("resolve_findings", person, "--look-again", stdout=StringIO())
    assert results_on_certificate(person) == [("table auth_user", "gone", "")]
    assert certificates.read_certificate(Certificate.objects.get()).scan.hits == []
    assert bytes(Erasure.objects.get().words) == b""


def results_on_certificate(person: UUID) -> list[tuple[str, str, str]]:
    body = certificates.read_certificate(Certificate.objects.get(subject=person))
    return [(item.place, item.state, item.reason) for item in body.findings]


def test_a_finding_is_kept_with_a_reason_and_the_certificate_shows_it() -> None:
    person, _ = create_customer()
    Login.objects.create(username="leak", last_name=WORDS[0])
    erase_person(person)
    for options, expected in ((("--keep", "a claim"), "--operator"), (("--keep", " ", "--operator", "Eve"), "reason")):
        with pytest.raises(CommandError, match=expected):
            call_command("resolve_findings", person, *options)
    with pytest.raises(CommandError, match="keep it with a reason"):
        call_command("resolve_findings", person, "--seal", "--operator", "Eve")
    call_command("resolve_findings", person, "--keep", "a claim in court", "--operator", "Eve", stdout=StringIO())
    assert results_on_certificate(person) == [("table auth_user", "kept", "a claim in court")]
    assert ErasureFinding.objects.get().resolved_by == "Eve"
    assert bytes(Erasure.objects.get().words) == b""


def test_a_text_about_another_person_is_sealed_with_the_key_of_its_stream() -> None:
    """Bob wrote Ada's address into the reason of a cancellation; what else is known of Bob stays."""
    person, _ = create_customer()
    bob, order_id = uuid4(), uuid4()
    send(CreateOrder(order_id, "000002", bob, (LANTERNS,), "France", delivery_name="Bob"))
    send(CancelOrder(order_id, f"a present for {WORDS[0]}"))
    catch_up(*projection_registry.select([]))
    erase_person(person)
    finding = findings.open_findings(person).get()
    assert (finding.place, finding.owner) == ("table projections_ordersummary", order_id)
    call_command("resolve_findings", person, "--seal", "--operator", "Eve", stdout=StringIO())
    assert results_on_certificate(person) == [("table projections_ordersummary", "sealed", "")]
    created, cancelled = store.get_events(order_id)
    assert (created.event.delivery_name, cancelled.event.reason) == ("Bob", Redacted("notes"))
    row = OrderSummary.objects.get(pk=order_id)
    assert (row.delivery_name, row.reason, row.status) == ("Bob", "", "CANCELLED")
    catch_up(*projection_registry.select([]))
    assert_rows_equal_fold()


@pytest.mark.parametrize(
    ("value", "leak"),
    [
        (f"Dear {WORDS[0]}", True),
        ("about {person}: " + WORDS[1], True),
        (f"Dear {WORDS[1]}", False),
        ("about {person}: Lovelace of James Square", True),
        ("about {person}: Square only", False),
        ("about {person}: a parcel to France", False),
    ],
)
def test_a_name_or_its_parts_count_beside_an_id_and_an_address_counts_anywhere(value: str, leak: bool) -> None:
    person, _ = create_customer()
    cache.set("page", value.format(person=person))
    assert erase_person(person).step == "done"
    assert [item.place for item in findings.open_findings(person)] == (["cache default"] if leak else [])


# --- killed and done again ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", range(1, len(STEPS) + 1))
def test_killed_after_any_step_it_goes_on(database_url: str, step: int, settings: Any) -> None:
    person, _ = create_customer()
    request_erasure(person)
    erasure_job.start_erasure(person)
    environment = {"DATABASE_URL": database_url, "KEY_CACHE_SECONDS": "0", "ERASURE_LIST": settings.ERASURE_LIST}
    killed = subprocess.run(
        [sys.executable, "manage.py", "erase", str(person)],
        cwd=BASE_DIR,
        env=os.environ | environment | {"CRASH_AT": f"erasure.after-step:{step}"},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    Erasure.objects.update(leased_until=None)  # as if the lease had expired
    assert erasure_job.run_erasure(person).step == "done"
    assert StoredEvent.objects.filter(event_type="DataErased").count() == 1
    assert Certificate.objects.count() == 1
    left = dump_database()
    assert [word for word in WORDS if word in left] == []


def test_two_processes_do_not_work_on_one_erasure() -> None:
    person, _ = create_customer()
    request_erasure(person)
    erasure_job.start_erasure(person)
    Erasure.objects.update(owner="elsewhere:1", leased_until=timezone.now() + timedelta(hours=1))
    with pytest.raises(ErasureBusy):
        erasure_job.run_erasure(person)


def test_the_command_goes_on_with_what_has_begun_and_names_what_fails() -> None:
    person, _ = create_customer()
    with pytest.raises(CommandError, match=str(person)):
        call_command("erase", person)  # nothing has begun
    request_erasure(person)
    erasure_job.start_erasure(person)
    Erasure.objects.update(owner="elsewhere:1", leased_until=timezone.now() + timedelta(hours=1))
    failures = StringIO()
    with pytest.raises(CommandError, match="1"):
        call_command("erase", stderr=failures)
    assert str(person) in failures.getvalue() and Erasure.objects.get().step != "done"
    Erasure.objects.update(leased_until=None)
    call_command("erase", stdout=StringIO())
    assert Erasure.objects.get().step == "done"


def test_an_old_backup_is_made_right_again() -> None:
    """The backup restores the keys, the address, the rows and the account, and lacks the erasure's events."""
    person, order_id = create_customer()
    kept = {key.pk: key for key in PersonalKey.objects.all()}
    profile, summary = UserProfile.objects.get(pk=person), OrderSummary.objects.get(pk=order_id)
    erase_person(person)
    Erasure.objects.all().delete()
    Certificate.objects.all().delete()
    ErasedPerson.objects.all().delete()
    for key in kept.values():
        key.save(force_insert=key.subject != blind_index.INDEX_KEY_SUBJECT)
    profile.save()
    summary.save()
    personal_keys.key_cache.clear()
    assert store.get_events(person)[0].event.name == WORDS[1]
    call_command("replay_erasures")
    left = dump_database()
    assert [word for word in WORDS if word in left] == []
    assert Certificate.objects.count() == 1
    with pytest.raises(PersonErased):
        send(ChangeContactDetails(person, WORDS[0], WORDS[1]))
    call_command("replay_erasures")


def test_a_backup_from_before_the_request_gets_the_events_it_lacks() -> None:
    person, _ = create_customer()
    erasure_log.append(person)
    call_command("replay_erasures")
    assert [type(recorded.event).__name__ for recorded in store.get_events(person)][-3:] == [
        "ErasureRequested",
        "ErasureBegun",
        "DataErased",
    ]
    left = dump_database()
    assert [word for word in WORDS if word in left] == []


# --- before it begins --------------------------------------------------------------------------------------------


def test_an_open_order_is_a_ground_to_wait() -> None:
    person, _ = create_customer()
    assert personal_data_holders.find_blockers(person) == []
    send(CreateOrder(uuid4(), "000002", person, (LANTERNS,)))
    catch_up(*projection_registry.select([]))
    assert [ground.reason for ground in personal_data_holders.find_blockers(person)] == [
        "Order 000002 is not finished: it is created"
    ]


def test_what_is_kept_is_told_before_anybody_decides() -> None:
    assert all(rule.duty and rule.what for rule in retention.load_rules())
    person, _ = create_customer()
    kept = certificates.kept_data_of(person, date(2026, 3, 1))
    assert [item.until for item in kept] == [date(2034, 12, 31), date(2029, 12, 31), None]
    assert [item.until for item in certificates.kept_data_of(uuid4(), date(2026, 3, 1))] == [None]


def test_a_retention_rule_with_an_email_address_is_refused_by_its_field(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "retention.toml"
    file.write_text('[[rule]]\nwhat = "orders"\nabout = "orders"\nduty = "ask tax@example.org"\nyears = 8\n')
    settings.RETENTION_FILE = str(file)
    with pytest.raises(ImproperlyConfigured, match=r"RETENTION_FILE: .*rule\[0\]\.duty must not contain an e-mail"):
        retention.load_rules()


def test_a_copy_of_everything_names_where_each_value_is_held() -> None:
    person, _ = create_customer()
    data = personal_data_holders.collect_held_data(person)
    assert {item.where for item in data} == {"order", "person", "consent", "customer", "external id"}
    [order] = [item.what for item in data if item.where == "order"]
    assert order["delivery_name"] == WORDS[1]
    assert order["last_event_id"]
    assert Checkpoint.objects.exists()
