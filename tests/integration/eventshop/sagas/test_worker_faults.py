"""Whatever fails in a worker's threads, and in whichever place: it is tried again or suspended, and no thread ends."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Signal
from threading import Thread
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection

from eventshop.core.messages import Envelope, Event, Meta, new_id
from eventshop.core.saga import EffectResult
from eventshop.eventstore.command_dispatcher import send
from eventshop.runtime.wake_signals import wake_all
from eventshop.sagas.effect_workers import EffectWorker
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import InboxMessage, Saga, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry
from eventshop.sagas.saga_worker import SagaWorker
from tests.support.misbehaving_saga import (
    Echoing,
    EchoingMessage,
    Said,
    Say,
    Shout,
    echoing_registry,
    mood_registry,
    new_person,
    perform_shout,
    trouble,
)
from tests.support.waiting import join_threads, wait_until

pytestmark = pytest.mark.usefixtures("clean_database")

GOOD, BAD = new_person(), new_person()


class Cursed(Echoing, frozen=True):
    """Fails where the word of `trouble` says: outside of `react` and `evolve`, whose failures are tested elsewhere."""

    @staticmethod
    def subject_of(event: Said) -> UUID:
        if "subject" in trouble and event.word == "curse":
            raise RuntimeError("no subject")
        return event.whom

    @staticmethod
    def starts_with(event: Event, meta: Meta) -> bool:
        if "start" in trouble:
            raise RuntimeError("no start")
        return isinstance(event, Said) and event.word == "hello"

    @property
    def ended(self) -> bool:
        if "end" in trouble and "curse" in self.words:
            raise RuntimeError("endless")
        return super().ended

    def evolve(self, message: EchoingMessage) -> Cursed:
        after = super().evolve(message)
        if "state" in trouble and "curse" in after.words:
            return msgspec.structs.replace(after, words=(*after.words, object()))
        return after


class Workers:
    """The threads of one worker, with a registry of their own."""

    def __init__(self, sagas: SagaRegistry) -> None:
        self.stop = Signal()
        options: dict[str, Any] = {"sagas": sagas, "registry": mood_registry}
        targets = (SagaWorker("w", **options).run, EffectWorker("w", **options).run)
        self.threads = [Thread(target=run, args=[self.stop]) for run in targets]
        for thread in self.threads:
            thread.start()

    def close(self) -> None:
        assert all(thread.is_alive() for thread in self.threads)
        self.stop.set()
        wake_all()
        join_threads(*self.threads)


@pytest.fixture
def sagas() -> SagaRegistry:
    return echoing_registry(Cursed)


@pytest.fixture
def workers(sagas: SagaRegistry, clean_database: None) -> Iterator[Workers]:
    trouble.clear()
    workers = Workers(sagas)
    yield workers
    workers.close()
    trouble.clear()


def say(whom: UUID, *words: str) -> None:
    for word in words:
        send(Say(whom, word), envelope=Envelope(new_id(), correlation_id=whom), registry=mood_registry)


def heard(whom: UUID) -> tuple[str, ...]:
    row = Saga.objects.filter(pk=saga_id_for("echoing", whom)).first()
    return tuple(msgspec.json.decode(row.state)["words"]) if row else ()


def error_of(whom: UUID) -> str:
    return Saga.objects.get(pk=saga_id_for("echoing", whom)).error


@pytest.mark.parametrize(
    ("place", "error"),
    [("end", "Said: RuntimeError: endless"), ("state", "Said: InvalidMessage: Cursed: Encoding objects")],
)
@pytest.mark.usefixtures("workers")
def test_a_saga_that_fails_after_it_has_reacted_is_suspended_alone(place: str, error: str) -> None:
    trouble.add(place)
    say(GOOD, "hello")
    say(BAD, "hello", "curse")
    say(GOOD, "say:x")
    wait_until(lambda: heard(GOOD) == ("hello", "say:x", "x"))
    assert wait_until(lambda: error_of(BAD)).startswith(error)
    assert heard(BAD) == ("hello",)


@pytest.mark.parametrize("place", ["subject", "start"])
@pytest.mark.usefixtures("workers")
def test_an_event_that_cannot_be_routed_is_not_lost(place: str) -> None:
    say(BAD, "hello")
    wait_until(lambda: heard(BAD))
    trouble.add(place)
    say(BAD, "curse", "after")
    say(GOOD, "hello")
    trouble.clear()
    wait_until(lambda: (heard(BAD), heard(GOOD)) == (("hello", "curse", "after"), ("hello",)))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite stores any number")
def test_a_saga_whose_outcome_the_database_refuses_is_suspended_alone(workers: Workers) -> None:
    say(GOOD, "hello")
    say(BAD, "hello")
    wait_until(lambda: heard(GOOD) and heard(BAD))
    # A number that is beyond the column: the whole batch fails when it is written.
    Saga.objects.filter(pk=saga_id_for("echoing", BAD)).update(steps=2**31 - 1)
    say(BAD, "say:y")
    say(GOOD, "say:x")
    wait_until(lambda: heard(GOOD) == ("hello", "say:x", "x"))
    assert "out of range" in wait_until(lambda: error_of(BAD))
    assert heard(BAD) == ("hello",)
    assert InboxMessage.objects.filter(saga_id=saga_id_for("echoing", BAD), state="held").count() == 1


@pytest.mark.parametrize("fault", ["exit", "other type", "unstorable"])
def test_an_effect_whose_handler_fails_in_any_way_is_counted_and_tried_again(
    fault: str, sagas: SagaRegistry, workers: Workers
) -> None:
    def handle(effect: Shout, key: UUID) -> EffectResult | None:
        if "shout" not in trouble:
            return perform_shout(effect, key)
        match fault:
            case "exit":
                raise SystemExit(1)
            case "other type":
                return "done"  # type: ignore[return-value]
            case _:
                return Unstorable(object())

    sagas.register_effect(Shout, handle)
    trouble.add("shout")
    say(BAD, "hello", "shout:hey")
    wait_until(lambda: SagaStep.objects.filter(attempts__gte=1).exists())
    trouble.clear()
    wait_until(lambda: heard(BAD)[-1] == "hey!")


class Unstorable(EffectResult, frozen=True):
    what: Any


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections to a server")
@pytest.mark.usefixtures("workers")
def test_lost_connections_lose_nothing() -> None:
    people = [new_person() for _ in range(10)]
    for person in people:
        say(person, "hello")
        terminate_backends()
        say(person, "say:a,b", "shout:c")
    wait_until(lambda: all(set(heard(person)) >= {"hello", "say:a,b", "a", "b", "c!"} for person in people))
    assert all(len(heard(person)) == 6 for person in people)  # nothing twice


def terminate_backends() -> None:
    """End all connections to the database, except this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
