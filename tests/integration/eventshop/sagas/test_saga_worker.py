"""The thread of the sagas sleeps until it is woken, or exactly until something is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event as Signal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.runtime.wake_signals import POLL_INTERVAL_S, Channel, Waiter
from eventshop.sagas import partition_leases
from eventshop.sagas.models import PartitionLease, SagaStep, SagaWorker
from eventshop.sagas.saga_worker import SagaWorker as Worker
from tests.support.misbehaving_saga import Say, echoing_registry, mood_registry, new_person, trouble
from tests.support.stopping_waiter import StoppingWaiter

pytestmark = pytest.mark.usefixtures("clean_database")

ONE = new_person()


@pytest.fixture(autouse=True)
def no_trouble() -> Iterator[None]:
    trouble.clear()
    yield
    trouble.clear()


def say(*words: str) -> None:
    for word in words:
        send(Say(ONE, word), envelope=Envelope(new_id(), correlation_id=ONE), registry=mood_registry)


def run_until_it_waits() -> float:
    """Work until nothing is left to do; returns for how many seconds the worker would sleep then."""
    stop, worker = Signal(), Worker("w", sagas=echoing_registry(), registry=mood_registry)
    waiter = worker._waiter = StoppingWaiter(stop, *worker._waiter.channels)
    worker.run(stop)
    return waiter.waits[0]


def test_an_idle_worker_sleeps_at_most_as_long_as_the_safety_poll_and_releases_its_leases_at_the_end() -> None:
    say("hello", "say:a,b")
    assert 0.0 < run_until_it_waits() <= POLL_INTERVAL_S
    assert SagaStep.objects.filter(state="accepted").count() == 2
    assert not PartitionLease.objects.exclude(owner="").exists()
    assert not SagaWorker.objects.exists()


def test_it_sleeps_only_until_a_pending_command_is_due() -> None:
    trouble.add("say x")
    say("hello", "say:x")
    run_until_it_waits()
    SagaStep.objects.update(looked_at_from=timezone.now() + timedelta(seconds=0.5))
    assert 0.0 < run_until_it_waits() < 0.51  # SQLite's clock has milliseconds


def test_it_asks_only_for_what_was_signalled() -> None:
    worker = Worker("w", sagas=echoing_registry(), registry=mood_registry)
    say("hello", "say:a,b")
    worker.renew_leases()
    while worker._work():
        worker._signalled.update(worker._waiter.take_signalled())
    assert not worker._signalled
    with CaptureQueriesContext(connection) as asked:
        assert worker._work() == 0
    assert not asked.captured_queries
    say("say:c")
    assert Channel.EVENTS in worker._waiter.take_signalled()
    worker._signalled = {Channel.INBOX}
    assert worker._work() == 0
    worker._signalled = {Channel.EVENTS}
    assert worker._work() == 1
    worker.close()


def test_no_decoded_event_stays_in_memory() -> None:
    say("hello", "say:a,b")
    stop, worker = Signal(), Worker("w", sagas=echoing_registry(), registry=mood_registry)
    worker._waiter = StoppingWaiter(stop, *worker._waiter.channels)
    worker.run(stop)
    assert not worker.router.routed


def test_it_does_not_sleep_longer_than_its_leases_allow() -> None:
    assert run_until_it_waits() < partition_leases.LEASE.total_seconds()


def test_whoever_writes_an_event_or_a_message_wakes_it() -> None:
    waiter = Waiter(Channel.EVENTS)
    say("hello")
    assert waiter.wait(0)
    waiter.close()
    waiter = Waiter(Channel.INBOX)
    run_until_it_waits()
    assert waiter.wait(0)
    waiter.close()


def test_whoever_requests_an_effect_wakes_those_who_perform_it() -> None:
    waiter = Waiter(Channel.EFFECTS)
    say("hello", "shout:hey")
    run_until_it_waits()
    assert waiter.wait(0)
    waiter.close()
