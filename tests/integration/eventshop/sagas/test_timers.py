"""A timer is a row: it fires once, in time, whoever died meanwhile, and ten thousand others cost nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import inf
from threading import Event as Signal
from threading import Thread
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import InvalidMessage, UnknownName
from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Envelope
from eventshop.eventstore.event_store import store
from eventshop.runtime import wake_signals
from eventshop.runtime.wake_signals import POLL_INTERVAL_S, Channel, Waiter, wake_all
from eventshop.sagas import timers
from eventshop.sagas.effect_workers import EffectWorker
from eventshop.sagas.models import Timer
from orders.domain.commands import WriteOffStock
from orders.domain.stock_item import stock_item_id
from tests.support.stopping_waiter import StoppingWaiter
from tests.support.tally_aggregate import Open
from tests.support.waiting import join_threads, wait_until
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")

NOON = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
STORY = UUID("00000000-0000-4000-8000-00000000000c")


def write_off(sku: str, reference: str = "count") -> WriteOffStock:
    return WriteOffStock(sku=sku, quantity=1, reason="rotten", reference=reference)


def count_written_off(sku: str) -> int:
    return len(store.get_events(stock_item_id(sku)))


def make_due(*keys: str) -> None:
    """Make timers due, as after the expired lease of a dead worker."""
    Timer.objects.filter(key__in=keys).update(looked_at_from=timezone.now() - timedelta(seconds=1))


def test_a_command_is_sent_when_its_time_has_come_and_not_before() -> None:
    timers.set_timer("apples", due=NOON, command=write_off("apple"))
    assert timers.fire_due_timers("w", now=NOON - timedelta(milliseconds=1)) == 0
    assert count_written_off("apple") == 0
    assert timers.fire_due_timers("w", now=NOON) == 1
    assert count_written_off("apple") == 1
    assert timers.fire_due_timers("w", now=NOON + timedelta(days=1)) == 0


def test_the_story_that_it_belongs_to_goes_on() -> None:
    envelope = Envelope(command_id=STORY, actor="ada", correlation_id=STORY, causation_id=STORY, sequence_number=4)
    timers.set_timer("apples", due=NOON, command=write_off("apple"), envelope=envelope)
    timers.fire_due_timers("w", now=NOON)
    [event] = store.get_events(stock_item_id("apple"))
    assert (event.meta.actor, event.meta.correlation_id, event.meta.sequence_number) == ("ada", STORY, 5)
    assert event.meta.command_id == derive_id("timer", int(NOON.timestamp() * 1_000_000), "apples")


def test_a_timer_that_is_set_again_is_moved() -> None:
    timers.set_timer("apples", due=NOON, command=write_off("apple"))
    timers.set_timer("apples", due=NOON + timedelta(hours=1), command=write_off("apple"))
    assert timers.fire_due_timers("w", now=NOON) == 0
    assert timers.fire_due_timers("w", now=NOON + timedelta(hours=1)) == 1


def test_a_timer_that_is_cancelled_never_fires() -> None:
    timers.set_timer("apples", due=NOON, command=write_off("apple"))
    assert timers.cancel_timer("apples")
    assert timers.fire_due_timers("w", now=NOON) == 0
    assert not timers.cancel_timer("apples")


def test_a_timer_set_in_a_transaction_that_fails_was_never_set() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        timers.set_timer("apples", due=NOON, command=write_off("apple"))
        raise ZeroDivisionError
    assert timers.fire_due_timers("w", now=NOON) == 0


def test_the_same_timer_set_again_after_it_fired_is_the_same_command() -> None:
    for _ in range(2):
        timers.set_timer("apples", due=NOON, command=write_off("apple"))
        assert timers.fire_due_timers("w", now=NOON) == 1
    assert count_written_off("apple") == 1


def test_what_a_dead_worker_took_is_fired_by_another_when_its_lease_has_run_out() -> None:
    timers.set_timer("apples", due=NOON, command=write_off("apple"))
    assert timers._claim("dead", NOON)
    assert timers.fire_due_timers("alive", now=NOON + timedelta(seconds=9)) == 0
    assert timers.fire_due_timers("alive", now=NOON + timedelta(seconds=10)) == 1
    assert count_written_off("apple") == 1


def test_a_worker_that_slept_through_its_lease_fires_nothing() -> None:
    timers.set_timer("apples", due=NOON, command=write_off("apple"))
    claimed = timers._claim("asleep", NOON)
    assert timers.fire_due_timers("awake", now=NOON + timedelta(minutes=1)) == 1
    timers._fire_together("asleep", claimed, registry)
    assert count_written_off("apple") == 1


def test_a_refused_command_is_an_answer_and_a_failure_is_tried_again_alone() -> None:
    """A command that no program knows any more keeps no other timer from firing."""
    for key in ("a", "b", "c"):
        timers.set_timer(key, due=NOON, command=write_off(key))
    Timer.objects.filter(key="b").update(command_type="WriteOffGhosts")
    before = timezone.now()
    timers.fire_due_timers("w", now=NOON)
    assert [count_written_off(key) for key in "abc"] == [1, 0, 1]
    failed = Timer.objects.get(key="b")
    assert (failed.fired_at, failed.attempts, failed.owner) == (None, 1, "")
    assert failed.answer.startswith("UnknownName")
    assert failed.looked_at_from > before + timedelta(seconds=4)
    Timer.objects.filter(key="b").update(command_type="WriteOffStock")
    make_due("b")
    assert timers.fire_due_timers("w") == 1
    assert count_written_off("b") == 1


@pytest.mark.parametrize(
    ("key", "due", "command", "error"),
    [
        ("apples", NOON.replace(tzinfo=None), write_off("apple"), InvalidMessage),
        ("", NOON, write_off("apple"), InvalidMessage),
        ("x" * 201, NOON, write_off("apple"), InvalidMessage),
        ("apples", NOON, Open(tally_id=STORY, name="a"), UnknownName),
        ("apples", NOON, CreateUser(user_id=STORY, email="ada@example.com", name="Ada"), InvalidMessage),
        ("apples", NOON, WriteOffStock(sku="", quantity=1, reason="r", reference="r"), InvalidMessage),
    ],
)
def test_nonsense_is_refused_and_leaves_no_timer(
    key: str, due: datetime, command: Command, error: type[Exception]
) -> None:
    with pytest.raises(error):
        timers.set_timer(key, due=due, command=command)
    assert not Timer.objects.exists()


@pytest.fixture
def two_workers() -> Iterator[None]:
    stop = Signal()
    threads = [Thread(target=EffectWorker(f"worker-{number}").run, args=[stop]) for number in range(2)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    wake_all()
    join_threads(*threads)


@pytest.mark.usefixtures("two_workers")
def test_two_workers_fire_each_timer_once_and_none_early() -> None:
    due = timezone.now() + timedelta(seconds=0.5)
    for number in range(60):
        timers.set_timer(
            f"t{number}", due=due + timedelta(milliseconds=10 * number), command=write_off(f"sku-{number}")
        )
    wait_until(lambda: not Timer.objects.filter(fired_at=None).exists())
    assert all(count_written_off(f"sku-{number}") == 1 for number in range(60))
    assert all(row.fired_at and row.fired_at >= row.due_at for row in Timer.objects.all())


@pytest.mark.parametrize(("due_in_s", "shortest", "longest"), [(3600, 0.0, POLL_INTERVAL_S), (0.5, 0.0, 0.51)])
def test_an_idle_worker_sleeps_until_the_next_timer_is_due(due_in_s: float, shortest: float, longest: float) -> None:
    stop, worker = Signal(), EffectWorker("worker")
    timers.set_timer("t", due=timezone.now() + timedelta(seconds=due_in_s), command=write_off("apple"))
    waiter = worker._waiter = StoppingWaiter(stop, *worker._waiter.channels)
    worker.run(stop)
    assert shortest < waiter.waits[0] <= longest


def test_a_timer_that_is_due_soon_wakes_whoever_sleeps_and_a_later_one_need_not() -> None:
    wake_signals.stop_listening()  # on SQLite every commit wakes those who listen
    waiter = Waiter(Channel.TIMERS)
    timers.set_timer("later", due=timezone.now() + timedelta(hours=1), command=write_off("apple"))
    assert not waiter.wait(0)
    timers.set_timer("now", due=timezone.now(), command=write_off("apple"))
    assert waiter.wait(0)
    waiter.close()


def test_how_long_until_the_next_timer_is_due() -> None:
    assert timers.seconds_until_due() == inf
    for minutes in (20, 10):
        timers.set_timer(f"{minutes}", due=timezone.now() + timedelta(minutes=minutes), command=write_off("apple"))
    assert 0 < timers.seconds_until_due() < 601  # SQLite's clock has milliseconds
    make_due("10")
    assert timers.seconds_until_due() <= 0


def create_waiting_timers(count: int) -> None:
    command, envelope = '{"sku":"x","quantity":1,"reason":"r","reference":"r"}', "{}"
    Timer.objects.bulk_create(
        [
            Timer(key=f"far {n}", due_at=NOON, looked_at_from=NOON, command_type="WriteOffStock", command=command,
                  envelope=envelope)
            for n in range(count)
        ],
        batch_size=5_000,
    )  # fmt: skip


def test_an_idle_tick_is_one_statement_that_reads_the_index() -> None:
    create_waiting_timers(2_000)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert timers.fire_due_timers("w", now=NOON - timedelta(days=1)) == 0
    assert len(queries) == 1
    with connection.cursor() as cursor:
        plan = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE process_timer")
        cursor.execute(plan + queries[0]["sql"])
        assert "timer_waiting" in str(cursor.fetchall())
