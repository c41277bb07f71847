"""A category of a person's data is erased by itself: the rest stays, and what comes later can be read."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from eventshop.core.errors import InvalidMessage
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.models import ErasedPerson, PersonalKey
from eventshop.projections.projection import projection_registry
from eventshop.sagas import workers
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import Saga, SagaStep
from orders.domain.commands import CancelOrder, CreateOrder
from projections.models import OrderSummary, UserProfile
from tests.support.order_fulfilment import receive_stock
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.sales import LANTERNS
from users.domain.commands import CreateUser, EraseData, GrantConsent, PlaceLegalHold
from users.domain.errors import InvalidUserState, OnLegalHold

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def erase_without_delay(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def sign_up() -> UUID:
    person = uuid4()
    send(CreateUser(person, "zz-ada@example.org", "Zz-Ada Lovelace"))
    return person


def place_order(person: UUID, *, cancel: bool = True) -> UUID:
    order_id = uuid4()
    send(CreateOrder(order_id, f"R-{order_id}", person, (LANTERNS,), delivery_name="Zz-Ada"))
    if cancel:
        send(CancelOrder(order_id, "zz-reason"))
    return order_id


def erase(person: UUID, *categories: str) -> None:
    call_command("erase_categories", person, *categories, "--operator", "Eve", stdout=StringIO())
    work()


def work() -> None:
    catch_up(*projection_registry.select([]))
    workers.run_until_idle("test")
    catch_up(*projection_registry.select([]))


def test_delivery_data_is_erased_and_the_next_order_is_delivered() -> None:
    person = sign_up()
    old = place_order(person)
    work()
    assert OrderSummary.objects.get(pk=old).delivery_name == "Zz-Ada"
    erase(person, "delivery")
    created, cancelled = store.get_events(old)
    assert created.event.delivery_name == Redacted("delivery")
    assert cancelled.event.reason == "zz-reason"
    row = OrderSummary.objects.get(pk=old)
    assert (row.delivery_name, row.reason, UserProfile.objects.get().name) == ("", "zz-reason", "Zz-Ada Lovelace")
    new = place_order(person, cancel=False)
    assert store.get_events(new)[0].event.delivery_name == "Zz-Ada"
    assert [event.meta.actor for event in store.get_events(person)][-1] == "Eve"
    assert not ErasedPerson.objects.exists()
    work()
    assert_rows_equal_fold()


@pytest.mark.parametrize(
    ("category", "left"),
    [("notes", ("Zz-Ada", "", "Zz-Ada Lovelace")), ("contact", ("Zz-Ada", "zz-reason", ""))],
)
def test_each_category_is_erased_alone(category: str, left: tuple[str, str, str]) -> None:
    person = sign_up()
    order_id = place_order(person)
    work()
    erase(person, category)
    row, profile = OrderSummary.objects.get(pk=order_id), UserProfile.objects.get(pk=person)
    assert (row.delivery_name, row.reason, profile.name) == left
    assert Saga.objects.get(pk=saga_id_for("category-erasure", person)).status == Saga.Status.ENDED


def test_marketing_ends_the_consents_that_it_was_for() -> None:
    person, now = sign_up(), timezone.now()
    send(GrantConsent(person, "DirectMarketing", "2026-01", at=now, expires_at=now + timedelta(days=730)))
    erase(person, "marketing")
    types = [event.meta.event_type for event in store.get_events(person)]
    assert types == ["UserCreated", "ConsentGranted", "ConsentWithdrawn", "CategoriesErased"]


def test_an_address_that_an_open_order_needs_waits() -> None:
    person = sign_up()
    receive_stock(LANTERNS.sku, 100)
    order_id = place_order(person, cancel=False)
    work()
    erase(person, "delivery")
    assert store.get_events(order_id)[0].event.delivery_name == "Zz-Ada"
    step = SagaStep.objects.get(name="EraseCategories")
    assert step.state == SagaStep.State.WAITING and "not finished" in step.answer


def test_what_cannot_be_erased_alone_is_refused() -> None:
    person = sign_up()
    with pytest.raises(InvalidUserState):
        send(EraseData(person))
    for categories in ((), ("everything", "delivery")):
        with pytest.raises(InvalidMessage):
            send(EraseData(person, categories=categories))
    send(PlaceLegalHold(person, "case 7", "a claim"))
    with pytest.raises(OnLegalHold):
        send(EraseData(person, categories=("delivery",)))
    with pytest.raises(CommandError, match="legal hold"):
        call_command("erase_categories", person, "notes", "--operator", "Eve")
    assert PersonalKey.objects.filter(subject=person, generation=1).count() == 2
