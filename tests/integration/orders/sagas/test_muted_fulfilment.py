"""Fulfilment hears its past again: it repeats nothing, and orders that are still open go on to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from eventshop.core.messages import new_id
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.saga_health import check_sagas
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import PersonalKey
from eventshop.sagas import muting
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.models import InboxMessage, Saga, SagaLivePoint, SagaStep, Timer
from eventshop.sagas.saga_runner import SagaRunner
from orders.domain.commands import CancelOrder, CreateOrder, DeliverOrder, RequestPayment
from orders.domain.events import Line
from orders.domain.order import Status
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    assert_nothing_happened_twice,
    assert_stock_adds_up,
    event_types_of,
    let_deadline_pass,
    load_order,
    load_stock,
    place_order,
    receive_stock,
    return_goods,
    run_sagas_until_idle,
    send_for_order,
)
from tests.support.saga_backups import SagaBackup, back_up_sagas, lose_sagas, put_back_sagas
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def terms(settings: Settings) -> None:
    settings.PAYMENT_CAPTURE_ON_SHIPPING, settings.SHIPPING_DELAY_S = frozenset({"bank_transfer"}), 300


class Shop(NamedTuple):
    """An order in every stage, and a copy of the sagas from before most of it happened."""

    gateway: InMemoryGateway
    unpaid: UUID
    paid: UUID
    authorised: UUID
    asked: UUID  # its charge was asked for, and the gateway did not answer
    new: UUID  # no saga has heard of it yet
    owed: UUID  # its refund was asked for, and the gateway did not answer
    settled: tuple[UUID, ...]  # shipped, delivered, returned and refunded, cancelled before and after the payment
    old_sagas: SagaBackup

    @property
    def orders(self) -> list[UUID]:
        return [self.unpaid, self.paid, self.authorised, self.asked, self.new, self.owed, *self.settled]


def make_shop() -> Shop:
    gateway = InMemoryGateway()
    receive_stock("mug", 50)

    def order(method: str = "card") -> UUID:
        return place_order(("mug", 1), method=method)

    shipped, delivered, returned, owed, captured = order(), order(), order(), order(), order("bank_transfer")
    run_sagas_until_idle(gateway)
    old_sagas = back_up_sagas()
    let_deadline_pass()
    run_sagas_until_idle(gateway)
    for each in (delivered, returned, owed):
        send_for_order(each, DeliverOrder(each))
    return_goods(returned, 1, 1)
    unpaid, cancelled, repaid, declined = order(""), order(""), order(), order("declined")
    paid, authorised = order(), order("bank_transfer")
    run_sagas_until_idle(gateway)
    for each in (cancelled, repaid):
        send_for_order(each, CancelOrder(each, "changed my mind"))
    run_sagas_until_idle(gateway)
    gateway.is_down = True
    asked = order()
    return_goods(owed, 1, 1)
    run_sagas_until_idle(gateway)
    gateway.is_down = False
    send_for_order(declined, CancelOrder(declined, "no"))
    new = order()
    settled = (shipped, delivered, returned, captured, cancelled, repaid, declined)
    return Shop(gateway, unpaid, paid, authorised, asked, new, owed, settled, old_sagas)


def payments_at(gateway: InMemoryGateway) -> list[tuple[Any, ...]]:
    rows = gateway.ledger.database.rows("SELECT key, kind, amount, status FROM payment ORDER BY key")
    return [tuple(row) for row in rows]


def lose(shop: Shop) -> None:
    lose_sagas()


def put_back_older(shop: Shop) -> None:
    put_back_sagas(shop.old_sagas)
    muting.mute_past(newest_position(), reason="an old backup", actor="ada", sagas=shop.gateway.saga_registry())


@pytest.mark.parametrize("damage", [lose, put_back_older])
def test_after_a_restore_nothing_is_repeated_and_what_is_open_goes_on(damage: Callable[[Shop], None]) -> None:
    """Input: an order in every stage; its sagas are lost, or older than its events. No payment moves twice."""
    shop = make_shop()
    before, events = payments_at(shop.gateway), {order: event_types_of(order) for order in shop.settled}
    damage(shop)
    run_sagas_until_idle(shop.gateway)
    after = payments_at(shop.gateway)
    assert set(before) <= set(after)
    assert sorted(row[1] for row in set(after) - set(before)) == ["charge", "charge", "refund"]  # asked, new, owed
    assert {order: event_types_of(order) for order in shop.settled} == events
    assert not Saga.objects.filter(status="stuck").exists()
    assert not Saga.objects.filter(muted=True).exists()
    let_deadline_pass()
    run_sagas_until_idle(shop.gateway)
    for order in (shop.paid, shop.authorised, shop.asked, shop.new):
        assert load_order(order).status is Status.SHIPPED, load_order(order)
    assert load_order(shop.unpaid).status is Status.CANCELLED
    assert all(refund.is_done for refund in load_order(shop.owed).refunds)
    assert not Saga.objects.filter(kind="order-fulfilment").exclude(status="ended").exists()
    repeatable = {"PaymentAuthorised", "PaymentProcessed"}
    assert_nothing_happened_twice(shop.orders, repeatable=repeatable)
    assert_stock_adds_up(["mug"])
    assert not load_stock("mug").reserved


def test_a_muted_saga_does_nothing_until_its_restore_is_complete() -> None:
    """Input: sagas with an open charge and a timer; a restore is interrupted. They wait, and health says so."""
    shop = make_shop()
    before = payments_at(shop.gateway)
    with pytest.raises(KeyboardInterrupt), muted_restore(shop, has_written=True):
        raise KeyboardInterrupt
    let_deadline_pass()
    run_sagas_until_idle(shop.gateway)
    assert payments_at(shop.gateway) == before
    assert "waits for the restore" in check_sagas().detail
    with muted_restore(shop, has_written=True):
        pass
    run_sagas_until_idle(shop.gateway)
    let_deadline_pass()
    run_sagas_until_idle(shop.gateway)
    assert load_order(shop.paid).status is Status.SHIPPED
    assert "muted" not in check_sagas().detail


def test_a_restore_that_wrote_nothing_leaves_no_saga_muted_for_ever() -> None:
    shop = make_shop()
    with pytest.raises(KeyboardInterrupt), muted_restore(shop, has_written=False):
        raise KeyboardInterrupt
    run_sagas_until_idle(shop.gateway)
    assert not SagaLivePoint.objects.filter(live_at=None).exists()
    assert not Saga.objects.filter(muted=True).exists()


def test_a_muted_saga_that_fails_is_suspended_and_resumes_when_it_is_tried_again() -> None:
    """Input: a state that cannot be read when the saga goes live. It is listed, and a retry goes on with its past."""
    from eventshop.sagas import operator_actions

    gateway = InMemoryGateway()
    receive_stock("mug", 5)
    order = place_order(("mug", 1), method="")
    run_sagas_until_idle(gateway)
    send_for_order(order, RequestPayment(order, "card"))
    muting.mute_past(newest_position(), reason="an old backup", actor="ada", sagas=gateway.saga_registry())
    saga = Saga.objects.get(kind="order-fulfilment")
    Saga.objects.filter(pk=saga.pk).update(state="{")
    run_sagas_until_idle(gateway)
    stuck = Saga.objects.get(pk=saga.pk)
    assert (stuck.status, stuck.muted) == ("stuck", True)
    Saga.objects.filter(pk=saga.pk).update(state=saga.state)
    operator_actions.retry(saga.pk, actor="ada", reason="mended")
    run_sagas_until_idle(gateway)
    assert Saga.objects.get(pk=saga.pk).muted is False
    assert len(payments_at(gateway)) == 1


def test_steps_of_the_past_tell_what_became_of_them() -> None:
    shop = make_shop()
    lose_sagas()
    run_sagas_until_idle(shop.gateway)
    steps = SagaStep.objects.filter(state="muted")
    assert not steps.filter(answered_at=None).exists()
    assert not Timer.objects.filter(looked_at_from=muting.NEVER, fired_at=None).exists()
    assert not InboxMessage.objects.filter(state__in=("waiting", "held")).exists()
    assert SagaStep.objects.filter(recalled=True, name="RefundPayment", state="answered").count() == 1


def muted_restore(shop: Shop, *, has_written: bool) -> Any:
    return muting.muted_restore(
        newest_position() + 1,
        reason="events restored",
        actor="restore",
        has_written=lambda: has_written,
        sagas=shop.gateway.saga_registry(),
    )


def test_the_keys_of_a_batch_of_events_are_loaded_at_once() -> None:
    """By the router, and by a runner in another process, which has to read the events again."""
    for number in range(5):
        line = Line("mug", "", 1, gbp("2.00"))
        send_for_order(order := new_id(), CreateOrder(order, str(number), None, (line,), delivery_name="Zz-Ada"))
    muting.mute_past(newest_position(), reason="a test", actor="Ada")
    router, runner = EventRouter("one"), SagaRunner("two")
    router.renew_lease()
    runner.renew_leases(1)
    assert key_queries(router.route_events) == 1
    assert key_queries(runner.process_inbox) == 1
    assert InboxMessage.objects.filter(state="handled").count() == 5


def key_queries(work: Callable[[], int]) -> int:
    """How often keys are read while a batch is processed by a process that has none in memory."""
    personal_keys.key_cache.clear()
    with CaptureQueriesContext(connection) as queries:
        assert work()
    return sum(PersonalKey._meta.db_table in query["sql"] for query in queries)
