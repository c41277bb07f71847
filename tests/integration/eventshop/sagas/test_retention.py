"""Messages and steps of finished sagas are deleted after a time, and nothing that is still needed."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models import Q

from eventshop.operations import tasks
from eventshop.operations.periodic_jobs import run_due_jobs
from eventshop.sagas.models import InboxMessage, Saga, SagaStep, Timer
from eventshop.sagas.retention import CleanupResult, clean_up
from tests.support.command_output import numbers_in
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    backdate_saga,
    load_saga,
    place_order,
    receive_stock,
    return_goods,
    run_sagas_until_idle,
)

pytestmark = pytest.mark.usefixtures("clean_database")

KEPT = timedelta(days=90)


def fulfil_order(bank: InMemoryGateway) -> UUID:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 2), method="card")
    run_sagas_until_idle(bank)
    return order_id


def count_details(order_id: UUID) -> tuple[int, int]:
    """The numbers of steps and inbox messages of an order's saga."""
    of_saga = Q(saga_id=load_saga(order_id).pk)
    return SagaStep.objects.filter(of_saga).count(), InboxMessage.objects.filter(of_saga).count()


def test_what_ended_long_ago_is_swept_once_and_its_saga_stays() -> None:
    old, new = fulfil_order(InMemoryGateway()), fulfil_order(InMemoryGateway())
    before = count_details(new)
    backdate_saga(load_saga(old).pk)
    assert clean_up(kept=KEPT, batch=1) == CleanupResult(1, 5, 6)
    assert (count_details(old), count_details(new)) == ((0, 0), before)
    assert (load_saga(old).status, load_saga(old).steps) == ("ended", 5)
    assert clean_up(kept=KEPT) == CleanupResult()


def test_a_swept_saga_hears_what_comes_later_and_is_swept_again() -> None:
    bank = InMemoryGateway()
    order_id = fulfil_order(bank)
    backdate_saga(load_saga(order_id).pk)
    clean_up(kept=KEPT)
    return_goods(order_id, 1, 1)
    run_sagas_until_idle(bank)
    steps = SagaStep.objects.filter(saga_id=load_saga(order_id).pk).order_by("number").values_list("number", "name")
    assert list(steps) == [(6, "ReceiveStock"), (7, "RefundPayment"), (8, "RecordRefund")]
    backdate_saga(load_saga(order_id).pk)
    Saga.objects.update(swept_at=load_saga(order_id).moved_at - timedelta(days=1))
    assert clean_up(kept=KEPT).steps == 3


def test_what_is_not_finished_stays_however_old_it_is() -> None:
    bank, resumed = InMemoryGateway(), fulfil_order(InMemoryGateway())
    running = place_order(("mug", 1))
    bank.is_down = True  # and asked a second time after a while, so nothing is settled after this
    run_sagas_until_idle(bank)
    for order_id in (running, resumed):
        backdate_saga(load_saga(order_id).pk)
    InboxMessage.objects.filter(saga_id=load_saga(resumed).pk, name="OrderShipped").update(
        state="waiting", handled_at=None
    )
    before = count_details(running), count_details(resumed)
    assert clean_up(kept=KEPT) == CleanupResult()
    assert (count_details(running), count_details(resumed)) == before


def test_fired_timers_are_swept_and_waiting_ones_stay() -> None:
    receive_stock("mug", 5)
    order_id = place_order(("mug", 1), method="card")
    bank = InMemoryGateway()
    bank.is_down = True
    run_sagas_until_idle(bank)
    [waiting] = Timer.objects.all()
    fired = Timer.objects.create(
        key="old",
        due_at=waiting.due_at,
        looked_at_from=waiting.due_at,
        fired_at=waiting.due_at,
        saga_id=load_saga(order_id).pk,
    )
    backdate_saga(load_saga(order_id).pk)
    run_due_jobs()
    assert Timer.objects.get() == waiting and fired.key == "old"


def test_it_is_done_every_day_and_says_what_it_did() -> None:
    backdate_saga(load_saga(fulfil_order(InMemoryGateway())).pk)
    message = tasks.remove_details_of_old_sagas()
    assert numbers_in(message) == [5, 6, 1, 0]  # steps, messages, sagas, and the steps that are left
