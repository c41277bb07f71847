"""Concurrent writers and erasures: a person has one key, and after an erasure none; also with a keys database."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections

from eventshop.core.errors import PersonErased
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import ErasedPerson, PersonalKey
from orders.domain.commands import CreateOrder
from tests.conftest import BASE_DIR
from tests.support.sales import LANTERNS
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

THREADS, ROUNDS = 4, 10
WORD = "12 St Zz-James Square"


def order_of(customer: UUID) -> CreateOrder:
    return CreateOrder(uuid4(), "000001", customer, (LANTERNS,), delivery_address=WORD)


def run_concurrently(*works: Callable[[], Any]) -> list[Any]:
    """Run functions at the same time, each in its own thread and connection; gives what each returned or raised."""
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        start.wait(DEADLINE_S)
        try:
            return work()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_writers_who_make_a_persons_first_key_at_once_end_with_one() -> None:
    for _ in range(ROUNDS):
        customer = uuid4()
        orders = [order_of(customer) for _ in range(THREADS)]
        answers = run_concurrently(*[lambda order=order: send(order) for order in orders])
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        assert PersonalKey.objects.filter(subject=customer).count() == 1
        personal_keys.key_cache.clear()
        for order in orders:
            assert store.get_events(order.order_id)[0].event.delivery_address == WORD


def test_a_racing_command_makes_no_key_for_somebody_who_is_being_erased() -> None:
    for _ in range(ROUNDS):
        customer = uuid4()
        sent: list[UUID] = []

        def buy(customer: UUID = customer, sent: list[UUID] = sent) -> str:
            """Send commands until one is refused because the customer is erased."""
            while True:
                personal_keys.key_cache.clear()  # like a process with an empty cache
                order = order_of(customer)
                try:
                    send(order)
                    sent.append(order.order_id)
                except PersonErased:
                    return "refused"

        def erase(customer: UUID = customer) -> list[str]:
            return personal_keys.destroy_keys(customer)

        answers = run_concurrently(buy, buy, buy, erase)
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        assert answers[:3] == ["refused"] * 3
        assert not PersonalKey.objects.filter(subject=customer).exists()
        assert ErasedPerson.objects.filter(subject=customer).exists()
        personal_keys.key_cache.clear()
        for order_id in sent:
            assert store.get_events(order_id)[0].event.delivery_address == Redacted("delivery")


def test_a_remembered_key_is_forgotten_within_its_seconds(settings: Any) -> None:
    """A key that another process destroyed stays in this process's cache for KEY_CACHE_SECONDS at most."""
    settings.KEY_CACHE_SECONDS = 0
    order = order_of(uuid4())
    send(order)
    PersonalKey.objects.all().delete()
    assert store.get_events(order.order_id)[0].event.delivery_address == Redacted("delivery")


# --- keys in a database of their own -----------------------------------------------------------------------------

SCRIPT = """
import django; django.setup()
from uuid import UUID
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.privacy.encryption.personal_keys import key_cache
from eventshop.privacy.erasure import erasure_job
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from django.utils import timezone
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from projections.models import UserProfile
from users.domain.commands import BeginErasure, CreateUser, RequestErasure
ada, now = UUID(int=7), timezone.now()
send(CreateUser(ada, "zz-ada@example.org", "Zz-Ada"))
key_cache.clear()
ProjectionRunner(projection_registry.select([]), DatabaseEventLog()).catch_up()
print(UserProfile.objects.get().name)
send(RequestErasure(ada, at=now, due_at=now))
send(BeginErasure(ada, at=now))
erasure_job.start_erasure(ada)
print(erasure_job.run_erasure(ada).step)
print(store.get_events(ada)[0].event.name)
"""


def test_keys_can_stand_in_a_database_of_their_own(tmp_path: Path) -> None:
    main, apart = tmp_path / "main.sqlite3", tmp_path / "keys.sqlite3"
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{main}",
        "KEYS_DATABASE_URL": f"sqlite:///{apart}",
        "KEY_CACHE_SECONDS": "0",
        "ERASURE_LIST": str(tmp_path / "erased.txt"),
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("manage.py", "migrate", "--verbosity", "0")
    run("manage.py", "migrate", "--database", "keys", "--verbosity", "0")
    assert run("-c", SCRIPT).split() == ["Zz-Ada", "done", "[erased]"]
    for path, theirs in ((main, False), (apart, True)):
        tables = {name for (name,) in sqlite3.connect(path).execute("SELECT name FROM sqlite_master")}
        assert ("privacy_personalkey" in tables) == theirs
        assert ("privacy_erasedperson" in tables) == theirs
        assert ("event" in tables) != theirs
        assert b"Zz-Ada" not in path.read_bytes()
