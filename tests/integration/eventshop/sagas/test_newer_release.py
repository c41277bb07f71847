"""Sagas meet what only a newer release knows: nothing is skipped or suspended, and its worker goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.saga_health import check_sagas
from eventshop.sagas import newer_release
from eventshop.sagas import workers as sagas_workers
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry
from eventshop.sagas.saga_worker import SagaWorker
from tests.support.misbehaving_saga import (
    Echoing,
    EchoingTwice,
    Say,
    echoing_registry,
    mood_registry,
    new_person,
)
from tests.support.older_program import older_program

pytestmark = pytest.mark.usefixtures("clean_database")

ONE, OTHER = new_person(), new_person()


def say(whom: UUID, word: str) -> None:
    send(Say(whom, word), envelope=Envelope(new_id(), correlation_id=whom), registry=mood_registry)


def run(sagas: SagaRegistry | None = None, owner: str = "new") -> None:
    sagas_workers.run_until_idle(owner, sagas=sagas or echoing_registry(), registry=mood_registry)


def words(whom: UUID) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(Saga.objects.get(pk=saga_id_for("echoing", whom)).state)["words"])


@pytest.fixture
def old_worker() -> Iterator[SagaWorker]:
    worker = SagaWorker("old", sagas=echoing_registry(), registry=mood_registry)
    yield worker
    worker.close()


def route(worker: SagaWorker) -> int:
    worker.renew_leases()
    return worker.router.route_events()


def test_the_router_stops_before_an_event_and_leaves_its_lease(old_worker: SagaWorker) -> None:
    say(ONE, "hello")
    assert route(old_worker) == 1
    say(ONE, "a")
    with older_program("Said", registry=mood_registry):
        assert route(old_worker) == 0
        lease = PartitionLease.objects.get(name="database")
        assert (lease.owner, lease.position) == ("", StoredEvent.objects.order_by("position")[0].position)
        assert route(old_worker) == 0  # it does not even ask for the lease
        assert PartitionLease.objects.get(name="database").owner == ""
    old_worker.close()
    run()
    assert words(ONE) == ("hello", "a")


def test_health_names_the_event(old_worker: SagaWorker, settings: Any) -> None:
    say(ONE, "hello")
    with older_program("Said", registry=mood_registry):
        route(old_worker)
    settings.HEALTH_LAG_S = -1
    assert "the next event is Said/1" in check_sagas().detail


def test_an_inbox_message_that_it_cannot_read_waits_in_its_saga_alone(old_worker: SagaWorker) -> None:
    say(ONE, "hello")
    say(OTHER, "hello")
    route(old_worker)
    old_worker.router.routed.clear()
    with older_program("Said", registry=mood_registry):
        old_worker.runner.process_inbox()
    assert set(InboxMessage.objects.values_list("state", flat=True)) == {"waiting"}
    assert not Saga.objects.filter(status="stuck").exists()
    assert old_worker.runner.process_inbox() == 0  # nor does it look at these sagas again for a while
    old_worker.close()
    run()
    assert words(ONE) == words(OTHER) == ("hello",)


def test_a_saga_of_a_newer_version_waits_and_others_go_on(
    old_worker: SagaWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = echoing_registry(Echoing, EchoingTwice)
    say(ONE, "hello")
    run(newer)
    monkeypatch.setattr(newer_release, "HAND_OVER_S", 0.0)
    say(ONE, "a")
    say(OTHER, "hello")
    old = SagaWorker("old", sagas=echoing_registry(Echoing), registry=mood_registry)
    route(old)
    old.runner.process_inbox()
    old.renew_leases()
    while old.runner.process_inbox():
        pass
    old.close()
    assert (words(ONE), words(OTHER)) == (("hello", "hello"), ("hello",))
    assert not Saga.objects.filter(status="stuck").exists()
    run(newer)
    assert words(ONE) == ("hello", "hello", "a", "a")


def test_a_command_that_it_is_too_old_for_is_no_failed_attempt(old_worker: SagaWorker) -> None:
    say(ONE, "hello")
    say(ONE, "say:x")
    route(old_worker)
    with older_program("Said", registry=mood_registry):
        old_worker.runner.process_inbox()  # it has decoded both events before
        old_worker.runner.retry_pending_commands()
    step = SagaStep.objects.get()
    assert (step.state, step.attempts) == ("waiting", 0)
    SagaStep.objects.update(looked_at_from=timezone.now() - timedelta(seconds=1))
    old_worker.close()
    run()
    assert words(ONE) == ("hello", "say:x", "x")
