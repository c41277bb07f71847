"""A process whose clock is an hour ahead takes nothing away from anybody, and stops nobody after it has died."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay import leader_election
from eventshop.operations.health_checks import relay_leader
from eventshop.operations.models import PeriodicWork
from eventshop.projections import checkpoints
from eventshop.projections.models import Checkpoint, Worker
from eventshop.runtime import leases
from eventshop.runtime.heartbeats import record_heartbeat
from eventshop.sagas import partition_leases, timers
from eventshop.sagas.models import PartitionLease, SagaWorker, Timer
from tests.support.processes import ROOT
from tests.support.waiting import wait_until

HOUR = timedelta(hours=1)

#: Everything that a worker takes, in a process whose clock is ahead; the last line of its output says what it got.
AHEAD = """
import datetime, time
import django.utils.timezone
real_now, real_time = django.utils.timezone.now, time.time
django.utils.timezone.now = lambda: real_now() + datetime.timedelta(hours=1)
time.time = lambda: real_time() + 3600
import django
django.setup()
from eventshop.messaging.relay import leader_election
from eventshop.operations import periodic_jobs
from eventshop.projections import checkpoints
from eventshop.projections.models import Checkpoint
from eventshop.sagas import partition_leases, timers
workers = partition_leases.register_worker("ahead", "sagas")
print(
    workers,
    leader_election.acquire_leadership("topic", "ahead"),
    periodic_jobs.run_due_jobs([periodic_jobs.PeriodicJob("job", datetime.timedelta(hours=5), lambda: "done")]),
    sorted(checkpoints.acquire_leases(Checkpoint.objects.filter(projection="p"), "ahead")),
    checkpoints.register_worker("ahead", ["p"])["p"],
    sorted(partition_leases.acquire_leases("sagas", range(2), "ahead", workers=1)),
    timers.fire_due_timers("ahead"),
)
"""

pytestmark = pytest.mark.usefixtures("clean_database")


def run_ahead(database_url: str) -> str:
    """Run the process until its end, without releasing anything; return what it got."""
    finished = subprocess.run(
        [sys.executable, "-c", AHEAD],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()[-1]


@pytest.fixture
def partitions() -> list[Checkpoint]:
    Checkpoint.objects.bulk_create(Checkpoint(projection="p", partition=number, version=1) for number in range(2))
    return list(Checkpoint.objects.filter(projection="p"))


def add_timer(due: datetime) -> Timer:
    return Timer.objects.create(
        key="k", due_at=due, looked_at_from=due, command_type="-", command="{}", envelope="{}", saga_id=new_id()
    )


def test_a_process_ahead_takes_nothing_away(partitions: list[Checkpoint], database_url: str) -> None:
    partition_leases.register_worker("on time", "sagas")
    checkpoints.register_worker("on time", ["p"])
    for workers in (SagaWorker.objects, Worker.objects):  # seen as late as the process may need to start
        workers.update(seen_at=Now() + timedelta(minutes=30))
    PeriodicWork.objects.create(name="job", due_at=Now() + timedelta(minutes=30))
    RelayCheckpoint.objects.create(topic="topic", owner="on time", leased_until=Now() + timedelta(minutes=30))
    Checkpoint.objects.update(owner="on time", leased_until=Now() + timedelta(minutes=30))
    PartitionLease.objects.bulk_create(
        PartitionLease(name="sagas", number=number, owner="on time", leased_until=Now() + timedelta(minutes=30))
        for number in range(2)
    )
    add_timer(timezone.now() + timedelta(minutes=30))

    assert run_ahead(database_url) == "2 False [] [] 2 [] 0"

    assert relay_leader("topic")[0] == "on time"
    assert set(Checkpoint.objects.values_list("owner", flat=True)) == {"on time"}
    assert set(SagaWorker.objects.values_list("owner", flat=True)) == {"on time", "ahead"}
    assert set(Worker.objects.values_list("owner", flat=True)) == {"on time", "ahead"}


def test_a_process_ahead_that_dies_stops_nobody(partitions: list[Checkpoint], database_url: str) -> None:
    assert run_ahead(database_url) == "1 True ['job'] [0, 1] 1 [0, 1] 0"
    longest = max(leader_election.LEASE_DURATION, checkpoints.LEASE, partition_leases.LEASE)
    assert not RelayCheckpoint.objects.filter(leased_until__gt=Now() + longest).exists()
    assert not Checkpoint.objects.filter(leased_until__gt=Now() + longest).exists()
    assert not PartitionLease.objects.filter(leased_until__gt=Now() + longest).exists()
    assert not SagaWorker.objects.filter(seen_at__gt=Now()).exists()
    assert not PeriodicWork.objects.filter(due_at__gt=Now() + 5 * HOUR).exists()
    wait_until(lambda: leader_election.acquire_leadership("topic", "on time"))


def test_a_claim_of_a_process_ahead_ends_with_its_lease() -> None:
    timer = add_timer(timezone.now() - HOUR)
    assert leases.claim_due_rows(
        Timer.objects.all(), due_column="looked_at_from", lease=timers.LEASE, limit=1, owner="ahead"
    )
    assert Timer.objects.filter(
        pk=timer.pk, looked_at_from__gt=Now(), looked_at_from__lte=Now() + timers.LEASE
    ).exists()


def test_what_a_process_ahead_starts_is_due_at_once_for_everybody(database_url: str) -> None:
    """An effect of a saga that runs there, and a dead letter that waits for its next attempt."""
    assert ahead_of_the_database(database_url) < timedelta(seconds=1)


def ahead_of_the_database(database_url: str) -> timedelta:
    """The difference between the due times that such a process computes and the database's clock."""
    script = AHEAD.partition("from eventshop")[0] + (
        "from eventshop.runtime.database_clock import database_now\n"
        "from eventshop.operations.models import PeriodicWork\n"
        "PeriodicWork.objects.create(name='due', due_at=database_now())\n"
    )
    subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url}, check=True
    )
    due_at, now = PeriodicWork.objects.annotate(now=Now()).values_list("due_at", "now").get()
    difference: timedelta = due_at - now
    return difference


# --- comparisons of the database's clock with stored times --------------------------------------------------------


@pytest.mark.parametrize("microsecond", [0, 1, 120_000, 123_000, 123_456, 999_999])
@pytest.mark.parametrize("distance", [timedelta(milliseconds=-2), timedelta(0), timedelta(milliseconds=2)])
def test_stored_times_of_every_fraction_compare_with_times_that_the_database_makes(
    microsecond: int, distance: timedelta
) -> None:
    """SQLite compares texts, with three digits, six digits or no fraction at all."""
    stored = timezone.now().replace(microsecond=microsecond)
    row = add_timer(stored)
    Timer.objects.update(due_at=F("looked_at_from") + distance)  # computed by the database
    assert Timer.objects.get(pk=row.pk).due_at == stored + distance
    assert Timer.objects.filter(due_at__lt=F("looked_at_from")).exists() == (distance < timedelta(0))
    assert Timer.objects.filter(due_at__gt=F("looked_at_from")).exists() == (distance > timedelta(0))


def test_the_time_of_the_database_lies_between_two_readings_of_a_correct_clock() -> None:
    """To the millisecond, which is all that SQLite's clock has."""
    before = timezone.now() - timedelta(milliseconds=1)
    record_heartbeat(SagaWorker.objects.all(), "w", HOUR, kind="sagas")
    after = timezone.now() + timedelta(milliseconds=1)
    assert SagaWorker.objects.filter(seen_at__gte=before, seen_at__lte=after).exists()
    assert before <= SagaWorker.objects.get().seen_at <= after
    assert SagaWorker.objects.filter(seen_at__gt=Now() - HOUR, seen_at__lt=Now() + HOUR).exists()
