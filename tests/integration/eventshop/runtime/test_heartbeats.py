"""Live workers are counted; the rows of workers that have been silent for long are deleted by the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from eventshop.projections import checkpoints
from eventshop.projections.models import Worker
from eventshop.runtime.heartbeats import DELETE_AFTER_LEASES, record_heartbeat
from eventshop.sagas import partition_leases
from eventshop.sagas.models import SagaWorker

pytestmark = pytest.mark.usefixtures("clean_database")

LEASE = timedelta(hours=10)


def silent_for(owner: str, silence: timedelta) -> None:
    assert SagaWorker.objects.filter(owner=owner).update(seen_at=timezone.now() - silence)


def heartbeat(owner: str) -> set[str]:
    live = record_heartbeat(SagaWorker.objects.all(), owner, LEASE, kind="sagas")
    return set(live.values_list("owner", flat=True))


def test_a_worker_is_live_while_it_sends_heartbeats() -> None:
    assert heartbeat("one") == {"one"}
    assert heartbeat("two") == {"one", "two"}
    silent_for("one", LEASE + timedelta(seconds=1))
    assert heartbeat("two") == {"two"}
    assert heartbeat("one") == {"one", "two"}


def test_the_row_of_a_dead_worker_is_deleted_after_a_long_silence() -> None:
    for owner in ("dead", "silent", "live"):
        heartbeat(owner)
    silent_for("dead", DELETE_AFTER_LEASES * LEASE + timedelta(seconds=1))
    silent_for("silent", DELETE_AFTER_LEASES * LEASE - timedelta(hours=1))
    heartbeat("live")
    assert set(SagaWorker.objects.values_list("owner", flat=True)) == {"silent", "live"}


def test_values_for_a_new_row_do_not_change_an_old_one() -> None:
    now = timezone.now()
    for started_at in (now - LEASE, now):
        record_heartbeat(Worker.objects.all(), "one", LEASE, on_create={"started_at": started_at}, projections="all")
    assert Worker.objects.get().started_at == now - LEASE


def test_projection_workers_delete_the_rows_of_dead_ones() -> None:
    checkpoints.register_worker("dead", ["order-summary"])
    Worker.objects.update(seen_at=timezone.now() - DELETE_AFTER_LEASES * checkpoints.LEASE - timedelta(seconds=1))
    assert checkpoints.register_worker("live", ["order-summary"]) == {"order-summary": 1}
    assert Worker.objects.get().owner == "live"


def test_saga_workers_delete_the_rows_of_dead_ones() -> None:
    partition_leases.register_worker("dead", "sagas")
    SagaWorker.objects.update(
        seen_at=timezone.now() - DELETE_AFTER_LEASES * partition_leases.LEASE - timedelta(seconds=1)
    )
    assert partition_leases.register_worker("live", "sagas") == 1
    assert SagaWorker.objects.get().owner == "live"
