"""A projection process is killed at random moments: no event is lost and none is applied twice."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event as Signal
from threading import Thread

import pytest
from django.db import connections
from django.db.models import Sum
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import Checkpoint, DeadLetter
from eventshop.projections.projection import projection_registry
from tests.support import chaos
from tests.support.processes import manage_process
from tests.support.read_models import append_order_histories, expected_rows, history, stored_rows
from tests.support.sales import Sale, gbp, line
from tests.support.waiting import join_threads, wait_for_exit, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]

#: The number of kills; `make chaos` sets a higher one.
KILLS = chaos.times(2)
#: The share of kills that do not wait for the process to make progress.
KILL_AT_START_SHARE = 0.2


@contextmanager
def append_orders_in_background(chance: Random) -> Iterator[None]:
    """Append events of orders in another thread."""
    closed = Signal()

    def sell() -> None:
        number = 0
        while not closed.wait(0.02):
            append_order_histories(chance, range(number, number + 3))
            number += 3
        connections.close_all()

    thread = Thread(target=sell)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        join_threads(thread)


def append_amounts_too_large() -> None:
    """The sum of two such amounts overflows its column: the second event becomes a dead letter, and later ones wait."""
    for number in (1_000_001, 1_000_002):
        rich = Sale(number, (line("GOLD", 1, gbp("999999999999999")),), customer_id=None)
        store.append_events(
            rich.order_id,
            [rich.created, rich.paid, rich.shipped, rich.returned((1, 1))],
            expected_version=0,
            envelope=Envelope(new_id(), occurred_at=timezone.now() - timedelta(days=300)),
        )


def events_projected() -> int:
    return Checkpoint.objects.aggregate(done=Sum("events"))["done"] or 0


def test_killed_workers_leave_exactly_the_fold(database_url: str, tmp_path: Path) -> None:
    chance, log, env = chaos.random_for("projections"), tmp_path / "projections.log", {"DATABASE_URL": database_url}
    append_amounts_too_large()
    killed_at_work = 0
    with append_orders_in_background(chaos.random_for("orders")):
        for _ in range(KILLS):
            # Release the killed worker's lease at once; its expiry is tested elsewhere.
            Checkpoint.objects.update(owner="", leased_until=None)
            before = events_projected()
            with manage_process("run_projections", env=env, log=log) as process:
                if chance.random() > KILL_AT_START_SHARE:
                    enough = before + chance.randint(1, 200)
                    wait_until(lambda enough=enough: events_projected() >= enough, seen=log)  # type: ignore[misc]
                    killed_at_work += 1
                with pytest.raises(subprocess.TimeoutExpired):  # It would run for ever.
                    process.wait(timeout=chance.uniform(0.0, 0.1))
                process.kill()
    assert killed_at_work >= KILLS // 2
    with manage_process("run_projections", "--once", env=env, log=log) as last:
        assert wait_for_exit(last, log=log) == 0, log.read_text()
    assert_rows_equal_the_fold()


def assert_rows_equal_the_fold() -> None:
    """Every row equals the fold of all events except the dead letters, and each event was counted once."""
    events, total = history(), StoredEvent.objects.count()
    for projection in projection_registry.select([]):
        dead_letter_ids = set(DeadLetter.objects.filter(projection=projection.name).values_list("event_id", flat=True))
        assert stored_rows(projection) == expected_rows(
            projection, [item for item in events if item.meta.event_id not in dead_letter_ids]
        )
        checkpoint = Checkpoint.objects.get(projection=projection.name)
        assert (checkpoint.events, checkpoint.parked) == (total, len(dead_letter_ids))
    dead_letters = DeadLetter.objects.order_by("projection", "position").values_list("projection", "event_type")
    assert list(dead_letters) == [
        ("daily-sales", "PaymentProcessed"),
        ("daily-sales", "ItemsReturned"),
        ("product-sales", "PaymentProcessed"),
        ("product-sales", "ItemsReturned"),
    ]
