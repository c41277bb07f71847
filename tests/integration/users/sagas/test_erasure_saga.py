"""Erasure and consent expiry with the real store, saga runner and timers; and the data export."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.utils import timezone

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.models import Certificate, Erasure
from eventshop.projections.projection import projection_registry
from eventshop.sagas import workers
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import InboxMessage, Saga, SagaStep, Timer
from orders.domain.commands import CancelOrder, CreateOrder
from projections.models import ConsentRegister, UserProfile
from tests.support.read_models import catch_up
from tests.support.sales import LANTERNS
from users.application.data_export import encode_export, export_personal_data
from users.domain.commands import (
    CancelErasure,
    CreateUser,
    ExportData,
    GrantConsent,
    PlaceLegalHold,
    RequestErasure,
    WithdrawConsent,
)

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def erase_without_delay(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def sign_up_ada() -> UUID:
    person = uuid4()
    send(CreateUser(person, "zz-ada@example.org", "Zz-Ada Lovelace", "+44 20 7946 0001", "12 St Zz-James Square"))
    return person


def run_workers() -> None:
    catch_up(*projection_registry.select([]))
    workers.run_until_idle("test")
    catch_up(*projection_registry.select([]))


def event_types(person: UUID) -> list[str]:
    return [recorded.meta.event_type for recorded in store.get_events(person)]


def request_erasure(person: UUID, *, due_in: timedelta = timedelta(0)) -> None:
    now = timezone.now()
    send(RequestErasure(person, at=now, due_at=now + due_in))


def pending_timers() -> list[str]:
    return [timer.name for timer in Timer.objects.filter(fired_at=None)]


def test_a_person_who_waits_is_erased_and_gets_a_certificate() -> None:
    person = sign_up_ada()
    request_erasure(person)
    run_workers()
    assert event_types(person) == ["UserCreated", "ErasureRequested", "ErasureBegun", "DataErased"]
    assert Certificate.objects.get().subject == person
    assert Erasure.objects.get().step == "done"
    assert UserProfile.objects.get().status == "ERASED"
    assert Saga.objects.get(pk=saga_id_for("erasure", person)).status == Saga.Status.ENDED


def test_until_then_nothing_happens_and_it_can_be_cancelled() -> None:
    person = sign_up_ada()
    request_erasure(person, due_in=timedelta(days=14))
    run_workers()
    assert event_types(person)[-1] == "ErasureRequested"
    assert pending_timers() == ["cooling-off"]
    send(CancelErasure(person))
    run_workers()
    assert pending_timers() == []
    assert UserProfile.objects.get().name == "Zz-Ada Lovelace"


def test_an_open_order_and_a_legal_hold_make_it_wait() -> None:
    person, order_id = sign_up_ada(), uuid4()
    now = timezone.now()
    send(CreateOrder(order_id, "000001", person, (LANTERNS,)))
    request_erasure(person)
    run_workers()
    assert event_types(person)[-1] == "ErasureRequested"
    assert pending_timers() == ["cooling-off"]
    assert Timer.objects.get(fired_at=None).due_at > now + timedelta(hours=23)
    send(CancelOrder(order_id, "changed their mind"))
    send(PlaceLegalHold(person, "case 7", "a claim"))
    Timer.objects.filter(fired_at=None).update(due_at=now, looked_at_from=now)
    run_workers()
    assert event_types(person)[-1] == "LegalHoldPlaced"
    assert pending_timers() == ["cooling-off"]


def test_a_consent_ends_by_its_timer() -> None:
    person, now = sign_up_ada(), timezone.now()
    given = now - timedelta(days=365)
    send(GrantConsent(person, "Personalisation", "2025-05" if given.year < 2026 else "2026-01", given, now))
    send(GrantConsent(person, "DirectMarketing", "2026-01", now, now + timedelta(days=730)))
    run_workers()
    assert event_types(person)[-1] == "ConsentExpired"
    assert dict(ConsentRegister.objects.values_list("purpose", "status")) == {
        "Personalisation": "ConsentExpired",
        "DirectMarketing": "ConsentGiven",
    }
    assert pending_timers() == ["DirectMarketing"]
    send(WithdrawConsent(person, "DirectMarketing"))
    run_workers()
    assert pending_timers() == []


def test_processes_keep_nothing_personal() -> None:
    person = sign_up_ada()
    request_erasure(person)
    workers.run_until_idle("test")
    kept = [*Saga.objects.values(), *InboxMessage.objects.values(), *SagaStep.objects.values(), *Timer.objects.values()]
    assert kept
    for word in ("Zz-", "+44 20 7946"):
        assert word not in str(kept)


# --- a copy of everything ----------------------------------------------------------------------------------------


def test_a_copy_has_every_value_with_the_event_that_it_comes_from() -> None:
    person, order_id = sign_up_ada(), uuid4()
    other = uuid4()
    send(CreateUser(other, "bob@example.org", "Bob"))
    send(CreateOrder(order_id, "000001", person, (LANTERNS,), "", "Zz-Ada Lovelace", "12 St Zz-James Square"))
    send(CancelOrder(order_id, "changed their mind"))
    send(ExportData(person))
    run_workers()
    copy = msgspec.json.decode(encode_export(export_personal_data(person, at=timezone.now())))
    first = store.get_events(person)[0].meta
    assert {value["field"]: value["value"] for value in copy["contact"]} == {
        "email": "zz-ada@example.org",
        "name": "Zz-Ada Lovelace",
        "phone": "+44 20 7946 0001",
        "address": "12 St Zz-James Square",
    }
    assert {value["event_id"] for value in copy["contact"]} == {str(first.event_id)}
    kinds = [event["event_type"] for event in copy["events"]]
    assert kinds == ["UserCreated", "OrderCreated", "OrderCancelled", "DataExported"]
    assert copy["events"][1]["data"]["delivery_address"] == "12 St Zz-James Square"
    assert copy["events"][1]["encrypted"] == ["delivery_name", "delivery_address", "customer_external_id"]
    assert {row["table"] for row in copy["tables"]} == {"person", "order", "customer"}
    assert "bob@example.org" not in str(copy)


def test_a_copy_of_the_erased_is_empty_of_them() -> None:
    person = sign_up_ada()
    request_erasure(person)
    run_workers()
    copy = encode_export(export_personal_data(person, at=timezone.now())).decode()
    assert "Zz-" not in copy
    assert '"redacted": "contact"' in copy
