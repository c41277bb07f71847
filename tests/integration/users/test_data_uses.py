"""Each use of personal data asks for its ground, is recorded once, and does not happen without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from eventshop.core.errors import CommandRefused
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import PersonalKey
from eventshop.privacy.processing import DataUse, use_personal_data
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.sagas.operator_actions import resolve
from orders.application.data_uses import after_asking
from orders.domain.commands import CreateOrder, RequestPayment, ShipOrder
from orders.models import GatewayMessage, Payment
from tests.support.erasures import erase_person
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    event_types_of,
    load_order,
    load_saga,
    receive_stock,
    run_sagas_until_idle,
    send_for_order,
)
from tests.support.sales import LANTERNS
from users.application.category_erasure import erase_consent_data
from users.application.customer_adapter import newest_events
from users.domain.commands import CreateUser, GrantConsent, LiftRestriction, RestrictProcessing, WithdrawConsent
from users.domain.errors import NoValidGround, ProcessingIsRestricted
from users.domain.events import ProcessingRecorded
from users.sagas.erasure_effects import EraseConsentData

pytestmark = pytest.mark.usefixtures("clean_database")


def sign_up() -> UUID:
    person = uuid4()
    send(CreateUser(person, "zz-ada@example.org", "Zz-Ada Lovelace"))
    return person


def agree(person: UUID, term: str = "Personalisation") -> None:
    now = datetime.now(UTC)
    send(GrantConsent(person, term, "2026-01", at=now, expires_at=now + timedelta(days=9)))


def uses_of(person: UUID) -> list[ProcessingRecorded]:
    return [recorded.event for recorded in newest_events(person, ProcessingRecorded, 99)]  # type: ignore[misc]


def suggestions_for(person: UUID, *, occasion: UUID | None = None, sku: str = "") -> DataUse:
    return DataUse(person, "Personalisation", "Suggestions", ("purchases",), occasion or uuid4(), suggestion=sku)


def place_order(person: UUID | None) -> UUID:
    receive_stock(LANTERNS.sku, LANTERNS.quantity)
    order_id = uuid4()
    send_for_order(order_id, CreateOrder(order_id, f"R-{order_id}", person, (LANTERNS,), delivery_name="Zz-Ada"))
    send_for_order(order_id, RequestPayment(order_id, "card"))
    return order_id


def test_an_order_tells_its_customer_once_who_got_what_for_it() -> None:
    person = sign_up()
    order = place_order(person)
    run_sagas_until_idle(InMemoryGateway())
    assert event_types_of(order)[-1] == "OrderShipped"
    delivery, payment = uses_of(person)
    assert (delivery.purpose, delivery.data, delivery.recipient) == (
        "DeliveryOfGoods",
        ("name", "address"),
        "Parcel service",
    )
    assert (payment.purpose, payment.legal_basis, payment.about) == ("PaymentManagement", "A6-1-b", order)
    assert payment.recipient == "the payment service"


def test_a_payment_of_somebody_who_restricts_the_use_never_reaches_the_gateway() -> None:
    person, gateway = sign_up(), InMemoryGateway()
    send(RestrictProcessing(person, "my address is wrong"))
    order = place_order(person)
    run_sagas_until_idle(gateway)
    assert event_types_of(order)[-1] == "PaymentDeclined"
    assert "restricted" in store.get_events(order)[-1].event.reason
    assert not gateway.requested_keys and not uses_of(person)


def test_a_parcel_waits_for_the_person_and_the_operator_sees_why() -> None:
    person, gateway = sign_up(), InMemoryGateway()
    order = place_order(person)
    paid_for = gateway.charge

    def restrict_afterwards(**options: Any) -> Any:
        outcome = paid_for(**options)
        send(RestrictProcessing(person, "my address is wrong"))
        return outcome

    gateway.charge = restrict_afterwards  # type: ignore[method-assign]  # the person is faster than the parcel
    run_sagas_until_idle(gateway)
    assert event_types_of(order)[-1] == "PaymentProcessed"
    step = SagaStep.objects.get(name="HandOverParcel")
    assert "ProcessingIsRestricted" in step.answer and step.state == "waiting"
    with pytest.raises(ProcessingIsRestricted):  # nor by the hands of staff
        after_asking(load_order(order), ShipOrder(order, "Royal Mail"))
    send(LiftRestriction(person))
    SagaStep.objects.filter(pk=step.pk).update(looked_at_from=timezone.now())
    run_sagas_until_idle(gateway)
    assert event_types_of(order)[-1] == "OrderShipped"


def test_an_order_that_cannot_be_shipped_records_no_delivery() -> None:
    person = sign_up()
    order = place_order(person)
    assert after_asking(load_order(order), ShipOrder(order, "Royal Mail"))
    assert not uses_of(person)


def test_a_guest_is_served_without_an_account_but_not_on_a_consent_that_nobody_gave() -> None:
    guest = uuid4()
    assert not use_personal_data(DataUse(guest, "DeliveryOfGoods", "Delivery", ("address",), uuid4()))
    with pytest.raises(CommandRefused):
        use_personal_data(suggestions_for(guest))
    assert not StoredEvent.objects.filter(aggregate_id=guest).exists()


def test_a_retry_records_nothing_and_what_has_no_ground_is_refused() -> None:
    person, occasion = sign_up(), uuid4()
    use = suggestions_for(person, occasion=occasion)
    with pytest.raises(NoValidGround):
        use_personal_data(use)
    agree(person)
    assert [use_personal_data(use), use_personal_data(use)] == [True, False]
    send(WithdrawConsent(person, "Personalisation"))
    assert not use_personal_data(use)  # what has begun may be ended
    with pytest.raises(NoValidGround):
        use_personal_data(suggestions_for(person))
    assert len(uses_of(person)) == 1


def test_the_end_of_a_consent_destroys_the_key_of_what_rested_on_it(settings: Any) -> None:
    settings.KEY_CACHE_SECONDS = 0
    person = sign_up()
    agree(person)
    use_personal_data(suggestions_for(person, sku="ZZ-MUG"))
    send(WithdrawConsent(person, "Personalisation"))
    run_sagas = erase_consent_data(EraseConsentData(person, "Personalisation"), uuid4())
    assert run_sagas.purposes == ("personalisation",)
    personal_keys.key_cache.clear()
    [used] = uses_of(person)
    assert (used.suggestion, used.activity) == (Redacted("personalisation"), "Suggestions")
    assert PersonalKey.objects.get(subject=person, purpose="personalisation").generation == 2
    agree(person)
    use_personal_data(suggestions_for(person, sku="ZZ-CUP"))
    assert uses_of(person)[0].suggestion == "ZZ-CUP"


def test_an_erasure_takes_what_operators_and_the_gateway_wrote_about_its_orders(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS, settings.ERASURE_LIST = 0, str(tmp_path / "erased.txt")
    person, gateway = sign_up(), InMemoryGateway()
    order, other = place_order(person), place_order(None)
    run_sagas_until_idle(gateway)
    saga, stays = load_saga(order), load_saga(other)
    resolve(saga.pk, actor="eve", reason="zz-marker called and wants it at 1 Zz-Street")
    run_sagas_until_idle(gateway)
    key = uuid4()
    Payment.objects.create(
        key=key, kind="charge", order_id=order, amount=1, currency="GBP", reason="zz-marker's card", token="tok-zz"
    )
    GatewayMessage.objects.create(
        source="webhook",
        verdict="refused",
        why="zz-marker",
        begins="zz-marker",
        same_as="1",
        key=key,
        last_at=timezone.now(),
    )
    assert InboxMessage.objects.filter(payload__contains="zz-marker").exists()
    erasure = erase_person(person)
    assert erasure.step == "done"
    assert not InboxMessage.objects.filter(saga_id=saga.pk).exists() and not SagaStep.objects.filter(saga_id=saga.pk)
    assert SagaStep.objects.filter(saga_id=stays.pk).exists()
    assert Payment.objects.values_list("reason", "token").get(pk=key) == ("", "")
    assert GatewayMessage.objects.values_list("why", "begins").get() == ("", "")
