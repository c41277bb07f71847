"""Twelve hours of sales, a hundred thousand events, projected by processes that are killed on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models import Min

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.projections.models import Checkpoint, DeadLetter
from eventshop.projections.projection import projection_registry
from tests.support import chaos
from tests.support.order_histories import random_order_history
from tests.support.processes import manage_process
from tests.support.read_models import expected_rows, history, stored_rows
from tests.support.waiting import wait_for_exit, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.long, pytest.mark.usefixtures("clean_database")]

EVENTS = 100_000
OPENS_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
OPEN_FOR = timedelta(hours=12)
ORDERS_PER_TRANSACTION = 200


def write_half_a_day() -> int:
    """Whole lives of orders, spread evenly over the day; gives the number of events."""
    chance, number, written = chaos.random_for("half a day"), 0, 0
    while written < EVENTS:
        with transaction.atomic():
            for _ in range(ORDERS_PER_TRANSACTION):
                number += 1
                life = random_order_history(chance, number)
                envelope = Envelope(new_id(), occurred_at=OPENS_AT + OPEN_FOR * min(1.0, written / EVENTS))
                if life.events:
                    store.append_events(life.order_id, life.events, expected_version=0, envelope=envelope)
                    written += len(life.events)
    return written


def test_a_hundred_thousand_events_survive_kills(database_url: str, tmp_path: Path) -> None:
    written, chance = write_half_a_day(), chaos.random_for("half a day kills")
    log, env = tmp_path / "projections.log", {"DATABASE_URL": database_url}
    while (progress := least_progress()) < written * 0.9:
        Checkpoint.objects.update(owner="", leased_until=None)  # Its expiry is tested elsewhere.
        enough = min(written, progress + chance.randint(2_000, 20_000))
        with manage_process("run_projections", env=env, log=log) as process:
            wait_until(lambda enough=enough: least_progress() >= enough, seen=log)  # type: ignore[misc]
            process.kill()
    Checkpoint.objects.update(owner="", leased_until=None)
    with manage_process("run_projections", "--once", env=env, log=log) as last:
        assert wait_for_exit(last, log=log) == 0, log.read_text()
    assert not DeadLetter.objects.exists()
    assert StoredEvent.objects.count() == written
    events = history()
    assert {item.meta.occurred_at.date() for item in events} == {OPENS_AT.date()}
    assert max(item.meta.occurred_at for item in events) - OPENS_AT > OPEN_FOR * 0.98
    for projection in projection_registry.select([]):
        assert Checkpoint.objects.get(projection=projection.name).events == written, projection.name
        assert stored_rows(projection) == expected_rows(projection, events), projection.name


def least_progress() -> int:
    """Events that every projection has processed."""
    if Checkpoint.objects.count() < len(projection_registry.select([])):
        return 0
    return int(Checkpoint.objects.aggregate(done=Min("events"))["done"])
