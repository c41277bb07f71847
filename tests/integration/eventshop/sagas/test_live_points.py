"""Where the past of a saga ends: the first start, a late one, a saga that is new to a store, an operator's decision."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from eventshop.core import saga as core
from eventshop.core.messages import Event, Meta
from eventshop.core.saga import RefusedCommand, SagaAction, StartTimer, TimerFired
from eventshop.eventstore import store_epochs
from eventshop.eventstore.tail_reader import newest_position
from eventshop.sagas import live_points, muting, timers, workers
from eventshop.sagas.models import PartitionLease, Saga, SagaLivePoint, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry
from orders.domain.commands import CancelOrder
from orders.domain.events import OrderCreated
from orders.domain.order import Status
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import load_order, place_order

pytestmark = pytest.mark.usefixtures("clean_database")


class Reminder(core.Saga[OrderCreated | TimerFired | RefusedCommand], frozen=True):
    """Cancels every order at once, or a day later: whatever it does about the past can be seen."""

    kind: ClassVar[str] = "reminder"
    delay: ClassVar[timedelta | None] = None

    order_id: UUID = UUID(int=0)

    @staticmethod
    def subject_of(event: OrderCreated) -> UUID:
        return event.order_id

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        return True

    @property
    def ended(self) -> bool:
        return False

    def react(self, message: Any) -> list[SagaAction]:
        match message:
            case OrderCreated() if type(self).delay is not None:
                return [StartTimer("day", after=type(self).delay)]
            case OrderCreated(order_id=order):
                return [CancelOrder(order, "reminded")]
            case TimerFired():
                return [CancelOrder(self.order_id, "reminded")]
            case _:
                return []

    def evolve(self, message: Any) -> Reminder:
        return type(self)(message.order_id) if isinstance(message, OrderCreated) else self


class EagerReminder(Reminder, frozen=True):
    acts_on_past: ClassVar[bool] = True


class SlowReminder(Reminder, frozen=True):
    delay: ClassVar[timedelta | None] = timedelta(days=1)


def run_with(*more: type[core.Saga[Any]]) -> None:
    sagas: SagaRegistry = InMemoryGateway().saga_registry()
    for saga in more:
        sagas.register(saga)
    workers.run_until_idle("test", sagas=sagas)


def point_of(kind: str) -> SagaLivePoint:
    return SagaLivePoint.objects.filter(kind=kind).latest("version")


def test_the_first_sagas_of_a_store_hear_everything_live() -> None:
    order = place_order(("mug", 1), method="")
    run_with(Reminder)
    assert load_order(order).status is Status.CANCELLED
    assert (point_of("reminder").live_from, point_of("reminder").live_at is None) == (0, False)


def test_a_late_first_start_hears_the_past_muted_and_does_what_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Input: events that are older than an hour when the first worker starts. Nothing is on record, so it is done."""
    order = place_order(("mug", 1), method="")
    past = newest_position()
    monkeypatch.setattr(live_points, "LATE_AFTER", timedelta(0))
    run_with(Reminder)
    assert point_of("reminder").live_from == past
    assert load_order(order).status is Status.CANCELLED


def test_a_saga_that_is_new_to_a_store_leaves_the_past_as_it_is() -> None:
    old = place_order(("mug", 1), method="")
    run_with()
    past = PartitionLease.objects.get(name="database").position
    new = place_order(("mug", 1), method="")
    run_with(Reminder)
    assert (point_of("reminder").live_from, point_of("reminder").past) == (past, "leave")
    assert load_order(new).status is Status.CANCELLED
    assert load_order(old).status is Status.CANCELLED  # by fulfilment: nobody has the goods
    [step] = SagaStep.objects.filter(name="CancelOrder", state="muted")
    assert step.answered_at is not None


def test_a_saga_that_says_so_acts_on_the_past() -> None:
    old = place_order(("mug", 1), method="")
    run_with()
    run_with(EagerReminder)
    assert point_of("reminder").past == "resume"
    [step] = SagaStep.objects.filter(name="CancelOrder", payload__contains="reminded")
    assert step.state in ("accepted", "refused")
    assert load_order(old).status is Status.CANCELLED


def test_timers_of_a_past_that_is_left_fire_when_they_are_due_later() -> None:
    order = place_order(("mug", 1), method="")
    run_with()
    run_with(SlowReminder)
    timers.fire_due_timers("test", now=timezone.now() + timedelta(days=2))
    assert not SagaStep.objects.filter(payload__contains="reminded").exists()
    run_with(SlowReminder)
    [step] = SagaStep.objects.filter(payload__contains="reminded")
    assert step.state in ("accepted", "refused"), order


def test_sagas_that_have_heard_everything_when_they_are_muted_go_live_again() -> None:
    """Such as those of a restore that ends before anything was written. They are open, and hear what comes later."""
    order = place_order(("mug", 1), method="")
    run_with(SlowReminder)
    sagas = InMemoryGateway().saga_registry()
    sagas.register(SlowReminder)
    muting.mute_past(newest_position(), reason="a restore", actor="ada", sagas=sagas)
    assert Saga.objects.filter(kind="reminder", muted=True).exists()
    run_with(SlowReminder)
    assert not Saga.objects.filter(muted=True).exists()
    timers.fire_due_timers("test", now=timezone.now() + timedelta(days=2))
    run_with(SlowReminder)
    [step] = SagaStep.objects.filter(payload__contains="reminded")
    assert step.state in ("accepted", "refused"), order


def test_a_new_version_starts_live() -> None:
    class SecondReminder(Reminder, frozen=True):
        version: ClassVar[int] = 2

    place_order(("mug", 1), method="")
    run_with(Reminder)
    run_with(Reminder, SecondReminder)
    point = point_of("reminder")
    assert (point.version, point.live_at is None) == (2, False)


def test_a_restored_epoch_mutes_all_sagas_up_to_its_end() -> None:
    place_order(("mug", 1), method="")
    run_with()
    order = place_order(("mug", 1), method="")
    store_epochs.begin_epoch("restored", restored_to_position=newest_position())
    run_with()
    point = point_of("order-fulfilment")
    assert (point.live_from, point.actor, point.live_at is None) == (newest_position_of(order), "event router", False)


def newest_position_of(order: UUID) -> int:
    from eventshop.eventstore.models import StoredEvent

    return StoredEvent.objects.filter(aggregate_id=order).values_list("position", flat=True).earliest("position")


def shown() -> str:
    out = StringIO()
    call_command("saga_live_points", stdout=out)
    return out.getvalue()


def test_the_command_shows_and_sets_live_points() -> None:
    place_order(("mug", 1), method="")
    set_up = {"past": "resume", "operator": "ada", "reason": "no refunds of last year"}
    call_command("saga_live_points", "return-window", **set_up)
    assert "return-window v1: muted until position" in shown()
    workers.run_until_idle("test")
    assert "return-window v1: live from position" in shown()
    with pytest.raises(CommandError, match="up to position"):
        call_command("saga_live_points", "return-window", position=0, **set_up)
    with pytest.raises(CommandError, match="there is no saga 'nonsense'"):
        call_command("saga_live_points", "nonsense", **set_up)
    with pytest.raises(CommandError, match="say who"):
        call_command("saga_live_points", "return-window", past="leave")
    with pytest.raises(CommandError, match="--past"):
        call_command("saga_live_points", "return-window")
