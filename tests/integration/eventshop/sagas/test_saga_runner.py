"""The saga runner keeps its promises whatever a saga's own code does, and whichever worker dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import msgspec
import pytest
from django.utils import timezone

from eventshop.core.errors import InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Envelope, new_id
from eventshop.core.saga import SagaAction
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import EventStore
from eventshop.sagas import effects, operator_actions, timers
from eventshop.sagas import workers as sagas_workers
from eventshop.sagas.errors import ActionNotAllowed, LeaseLost, SagaNotFound
from eventshop.sagas.inbox import PARTITIONS, saga_id_for
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep, SagaWorker, Timer
from eventshop.sagas.partition_leases import is_rebalancing
from eventshop.sagas.saga_registry import SagaRegistry
from eventshop.sagas.saga_runner import SagaRunner
from tests.support.command_output import numbers_in
from tests.support.misbehaving_saga import (
    Echo,
    Echoing,
    EchoingMessage,
    EchoingTwice,
    Moody,
    Say,
    echoing_registry,
    mood_registry,
    new_person,
    trouble,
)
from users.domain.commands import CreateUser
from users.domain.user import User

pytestmark = pytest.mark.usefixtures("clean_database")

ONE, OTHER = new_person(), new_person()


@pytest.fixture(autouse=True)
def no_trouble() -> Iterator[None]:
    trouble.clear()
    yield
    trouble.clear()


def say(whom: UUID, *words: str) -> None:
    for word in words:
        send(Say(whom, word), envelope=Envelope(new_id(), correlation_id=whom), registry=mood_registry)


def run_until_idle(sagas: SagaRegistry | None = None, **options: Any) -> None:
    sagas_workers.run_until_idle("test", sagas=sagas or echoing_registry(), registry=mood_registry, **options)


def saga_row(whom: UUID) -> Saga:
    return Saga.objects.get(pk=saga_id_for("echoing", whom))


def handled_words(whom: UUID) -> tuple[str, ...]:
    """The words of all messages that the saga has handled."""
    return tuple(msgspec.json.decode(saga_row(whom).state)["words"])


def spoken_words(whom: UUID) -> list[str]:
    return [event.event.word for event in EventStore(mood_registry).get_events(whom)]


def inbox_states(whom: UUID) -> list[tuple[str, str]]:
    of_saga = InboxMessage.objects.filter(saga_id=saga_row(whom).pk).order_by("pk")
    return list(of_saga.values_list("name", "state"))


def end_back_off() -> None:
    """End the back-off of all steps."""
    SagaStep.objects.update(looked_at_from=timezone.now() - timedelta(seconds=1))


# --- messages and reactions --------------------------------------------------------------------------------------


def test_a_saga_hears_from_its_start_on_and_in_order() -> None:
    say(ONE, "before", "hello", "a")
    say(OTHER, "b", "c")
    run_until_idle()
    say(ONE, "d")
    run_until_idle()
    assert handled_words(ONE) == ("hello", "a", "d")
    assert not Saga.objects.filter(pk=saga_id_for("echoing", OTHER)).exists()


def test_its_commands_lead_to_events_that_it_hears_in_turn() -> None:
    say(ONE, "hello", "say:x,y")
    run_until_idle()
    assert spoken_words(ONE) == ["hello", "say:x,y", "x", "y"]
    assert handled_words(ONE) == ("hello", "say:x,y", "x", "y")


def test_a_refused_command_is_something_it_hears() -> None:
    say(ONE, "hello", "say:no,yes")
    run_until_idle()
    assert spoken_words(ONE) == ["hello", "say:no,yes", "yes"]
    assert set(handled_words(ONE)) == {"hello", "say:no,yes", "yes", "refused too-much"}
    [refused] = SagaStep.objects.filter(state="refused")
    assert refused.answer.startswith("too-much: ")


def test_an_ended_saga_still_hears_what_comes_later() -> None:
    say(ONE, "hello", "bye")
    run_until_idle()
    assert saga_row(ONE).status == "ended"
    say(ONE, "say:ps")
    run_until_idle()
    assert handled_words(ONE)[-1] == "ps"


def test_a_time_it_waits_for_comes_and_one_it_stopped_waiting_for_does_not() -> None:
    say(ONE, "hello", "wait:tea", "wait:rain", "stop:rain")
    run_until_idle()
    assert [timer.name for timer in Timer.objects.filter(fired_at=None)] == ["tea"]
    assert timers.fire_due_timers("t", now=timezone.now() + timedelta(minutes=59), registry=mood_registry) == 0
    assert timers.fire_due_timers("t", now=timezone.now() + timedelta(hours=1), registry=mood_registry) == 1
    run_until_idle()
    assert handled_words(ONE)[-1] == "time for tea"


# --- when something goes wrong ------------------------------------------------------------------------------------


def test_a_saga_whose_code_fails_is_stuck_and_no_other_waits_for_it() -> None:
    trouble.add("hear poison")
    say(ONE, "hello", "poison", "after")
    say(OTHER, "hello", "say:x")
    run_until_idle()
    assert (saga_row(ONE).status, saga_row(ONE).error) == ("stuck", "Said: RuntimeError: cannot bear poison")
    assert inbox_states(ONE) == [("Said", "handled"), ("Said", "held"), ("Said", "held")]
    assert (handled_words(ONE), handled_words(OTHER)) == (("hello",), ("hello", "say:x", "x"))
    say(ONE, "later")
    run_until_idle()
    assert handled_words(ONE) == ("hello",)
    trouble.clear()
    operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="fixed")
    run_until_idle()
    assert (saga_row(ONE).status, saga_row(ONE).error, handled_words(ONE)) == (
        "running",
        "",
        ("hello", "poison", "after", "later"),
    )
    request = InboxMessage.objects.get(what="retry")
    assert (request.actor, msgspec.json.decode(request.payload)) == ("grace", {"reason": "fixed"})


def test_a_saga_that_fails_again_is_stuck_again() -> None:
    trouble.add("hear poison")
    say(ONE, "hello", "poison")
    run_until_idle()
    for _ in range(2):
        operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="hope")
        run_until_idle()
        assert saga_row(ONE).status == "stuck"


def test_a_command_that_cannot_be_sent_is_tried_again_and_later_ones_of_its_saga_wait_behind_it() -> None:
    trouble.add("say x")
    say(ONE, "hello", "say:x,y")
    say(OTHER, "hello", "say:z")
    run_until_idle()
    assert (spoken_words(ONE)[2:], spoken_words(OTHER)[2:]) == ([], ["z"])
    say(ONE, "say:last")
    run_until_idle()
    assert saga_row(ONE).behind == 3
    trouble.clear()
    end_back_off()
    run_until_idle()
    assert spoken_words(ONE) == ["hello", "say:x,y", "say:last", "x", "y", "last"]
    assert (saga_row(ONE).behind, saga_row(ONE).status) == (0, "running")


def test_a_command_that_never_can_be_sent_makes_its_saga_stuck_and_can_be_tried_again() -> None:
    trouble.add("say x")
    say(ONE, "hello", "say:x")
    for _ in range(9):
        run_until_idle()
        end_back_off()
    assert saga_row(ONE).status == "stuck"
    error = saga_row(ONE).error
    assert error.startswith("Say ") and "RuntimeError: a bug at x" in error and numbers_in(error) == [8]
    trouble.clear()
    operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="fixed")
    run_until_idle()
    assert spoken_words(ONE)[-1] == "x"
    assert (saga_row(ONE).status, saga_row(ONE).behind) == ("running", 0)


def test_an_effect_is_tried_until_there_is_an_answer() -> None:
    trouble.add("shout hey")
    say(ONE, "hello", "shout:hey")
    run_until_idle()
    [step] = SagaStep.objects.all()
    assert (step.state, step.attempts, step.answer) == ("waiting", 1, "RuntimeError: hoarse")
    trouble.clear()
    end_back_off()
    run_until_idle()
    assert handled_words(ONE)[-1] == "hey!"


def test_an_effect_without_any_answer_makes_its_saga_stuck() -> None:
    say(ONE, "hello", "shout:into the void")
    for _ in range(effects.MAX_ATTEMPTS):
        run_until_idle()
        end_back_off()
    run_until_idle()
    assert (saga_row(ONE).status, SagaStep.objects.get().state) == ("stuck", "failed")
    assert saga_row(ONE).error.startswith("Shout ") and numbers_in(saga_row(ONE).error) == [effects.MAX_ATTEMPTS]
    key = SagaStep.objects.get().pk
    assert effects.record_effect_result(key, Echo("at last"))
    operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="it answered")
    run_until_idle()
    assert (saga_row(ONE).status, handled_words(ONE)[-1]) == ("running", "at last")


def test_the_first_answer_counts_and_nobody_elses_does() -> None:
    say(ONE, "hello", "shout:into the void")
    run_until_idle()
    key = SagaStep.objects.get().pk
    assert effects.record_effect_result(key, Echo("first"), actor="webhook")
    assert not effects.record_effect_result(key, Echo("second"))
    assert not effects.record_effect_result(new_id(), Echo("who?"))
    run_until_idle()
    assert handled_words(ONE)[-1] == "first"
    assert InboxMessage.objects.get(what="answer").actor == "webhook"


def test_a_saga_that_a_person_resolved_hears_nothing_any_more() -> None:
    trouble.add("hear poison")
    say(ONE, "hello", "wait:tea", "shout:into the void", "poison", "after")
    run_until_idle()
    operator_actions.resolve(saga_row(ONE).pk, actor="grace", reason="done by hand")
    run_until_idle()
    say(ONE, "more")
    run_until_idle()
    assert (saga_row(ONE).status, handled_words(ONE)) == ("resolved", ("hello", "wait:tea", "shout:into the void"))
    assert SagaStep.objects.get().state == "given up"
    assert not Timer.objects.filter(fired_at=None).exists()
    assert not InboxMessage.objects.filter(state__in=("waiting", "held")).exists()
    with pytest.raises(ActionNotAllowed):
        operator_actions.compensate(saga_row(ONE).pk, actor="grace", reason="undo")


def test_a_saga_that_is_to_undo_its_work_passes_over_what_made_it_stuck() -> None:
    trouble.add("hear poison")
    say(ONE, "hello", "poison", "after")
    run_until_idle()
    operator_actions.compensate(saga_row(ONE).pk, actor="grace", reason="enough")
    run_until_idle()
    assert (saga_row(ONE).status, handled_words(ONE)) == ("running", ("hello", "undo: enough", "after"))


def test_wishes_that_cannot_be_are_refused() -> None:
    say(ONE, "hello")
    run_until_idle()
    with pytest.raises(ActionNotAllowed):
        operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="why not")
    with pytest.raises(SagaNotFound):
        operator_actions.resolve(new_id(), actor="grace", reason="?")
    with pytest.raises(InvalidMessage):
        operator_actions.resolve(saga_row(ONE).pk, actor="grace", reason=" ")


class Gossiping(Echoing, frozen=True):
    """Wants to say what is nobody's business."""

    kind: ClassVar[str] = "gossiping"

    def react(self, heard: EchoingMessage) -> list[SagaAction]:
        return [CreateUser(user_id=ONE, email="ada@example.com", name="Ada")]


def test_a_command_with_personal_data_is_kept_by_no_saga() -> None:
    """It would lie among the steps, readable, after the person is erased."""
    say(ONE, "hello")
    people = MessageRegistry()
    for aggregate in (Moody, User):
        people.add(aggregate)
    sagas = SagaRegistry()
    sagas.register(Gossiping)
    sagas_workers.run_until_idle("test", sagas=sagas, registry=people)
    suspended = Saga.objects.get()
    assert (suspended.status, suspended.error) == ("stuck", "Said: InvalidMessage: a saga must not store personal data")
    assert not SagaStep.objects.exists()


# --- versions -----------------------------------------------------------------------------------------------------


def test_a_saga_goes_on_as_the_version_it_started_with() -> None:
    say(ONE, "hello")
    run_until_idle(echoing_registry(Echoing))
    say(OTHER, "hello")
    say(ONE, "a")
    run_until_idle(echoing_registry(Echoing, EchoingTwice))
    assert (saga_row(ONE).version, handled_words(ONE)) == (1, ("hello", "a"))
    assert (saga_row(OTHER).version, handled_words(OTHER)) == (2, ("hello", "hello"))


def test_a_version_that_is_gone_makes_its_sagas_stuck_until_it_is_back() -> None:
    say(ONE, "hello")
    run_until_idle(echoing_registry(Echoing))
    say(ONE, "a")
    run_until_idle(echoing_registry(EchoingTwice))
    assert saga_row(ONE).status == "stuck" and "UnknownSaga" in saga_row(ONE).error
    operator_actions.retry(saga_row(ONE).pk, actor="grace", reason="deployed again")
    run_until_idle(echoing_registry(Echoing, EchoingTwice))
    assert handled_words(ONE) == ("hello", "a")


# --- several workers ----------------------------------------------------------------------------------------------


def create_runner(name: str, workers: int) -> SagaRunner:
    runner = SagaRunner(name, sagas=echoing_registry(), registry=mood_registry)
    runner.renew_leases(workers)
    return runner


def test_workers_share_the_sagas_fairly_and_take_over_from_a_dead_one() -> None:
    first = create_runner("first", 1)
    assert len(first.leases) == PARTITIONS
    second = create_runner("second", 2)
    assert len(second.leases) == 0
    assert is_rebalancing("sagas", range(PARTITIONS), workers=2)  # the first has more than its share
    first.renew_leases(2)
    assert is_rebalancing("sagas", range(PARTITIONS), workers=2)  # half of the partitions have no worker
    second.renew_leases(2)
    assert not is_rebalancing("sagas", range(PARTITIONS), workers=2)
    assert (len(first.leases), len(second.leases)) == (PARTITIONS // 2, PARTITIONS // 2)
    assert not first.leases.keys() & second.leases.keys()
    PartitionLease.objects.filter(owner="first").update(leased_until=timezone.now() - timedelta(seconds=1))
    second.renew_leases(1)
    assert len(second.leases) == PARTITIONS


def test_a_worker_that_slept_through_its_lease_writes_nothing() -> None:
    say(ONE, "hello")
    run_until_idle()
    say(ONE, "say:x")
    route_events()
    asleep = create_runner("asleep", 1)
    PartitionLease.objects.filter(name="sagas").update(owner="awake")
    with pytest.raises(LeaseLost):
        asleep.process_inbox()
    assert (handled_words(ONE), spoken_words(ONE)) == (("hello",), ["hello", "say:x"])
    PartitionLease.objects.update(owner="", leased_until=None)
    run_until_idle()
    assert spoken_words(ONE) == ["hello", "say:x", "x"]


def route_events() -> None:
    from eventshop.sagas.event_router import EventRouter

    router = EventRouter("ear", sagas=echoing_registry(), registry=mood_registry)
    router.renew_lease()
    while router.route_events():
        pass
    PartitionLease.objects.filter(owner="ear").update(owner="", leased_until=None)


def test_workers_leave_no_trace_when_they_go() -> None:
    run_until_idle()
    assert not SagaWorker.objects.exists()
    assert not PartitionLease.objects.exclude(owner="").exists()
