"""Leases: one owner at a time, for a limited time; fair shares; claims of due rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, connections
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.projections.models import Checkpoint
from eventshop.runtime.leases import (
    acquire_leases,
    acquire_share,
    claim_due_rows,
    fair_share,
    is_leased,
    is_unleased,
    release_leases,
    renew_leases,
)
from eventshop.sagas.models import Timer
from tests.support.waiting import DEADLINE_S, join_threads

pytestmark = pytest.mark.usefixtures("clean_database")

HOUR = timedelta(hours=1)


@pytest.fixture
def rows() -> QuerySet[Checkpoint]:
    """Six partitions that nobody has leased."""
    Checkpoint.objects.bulk_create(Checkpoint(projection="leased", partition=number, version=1) for number in range(6))
    return Checkpoint.objects.filter(projection="leased").order_by("partition")


def owners(rows: QuerySet[Checkpoint]) -> list[str]:
    return list(rows.values_list("owner", flat=True))


def expire(rows: QuerySet[Checkpoint]) -> None:
    rows.update(leased_until=timezone.now() - timedelta(milliseconds=1))


def test_a_lease_excludes_others_until_it_is_released(rows: QuerySet[Checkpoint]) -> None:
    assert acquire_leases(rows, "one", HOUR) == 6
    assert acquire_leases(rows, "two", HOUR) == 0
    assert owners(rows) == ["one"] * 6
    assert not rows.filter(is_unleased()).exists()
    assert release_leases(rows, "two") == 0
    assert release_leases(rows, "one") == 6
    assert rows.filter(is_unleased()).count() == 6
    assert acquire_leases(rows, "two", HOUR) == 6


def test_an_expired_lease_is_free(rows: QuerySet[Checkpoint]) -> None:
    acquire_leases(rows, "one", HOUR)
    expire(rows)
    assert rows.filter(is_unleased()).count() == 6
    assert acquire_leases(rows, "two", HOUR) == 6
    assert renew_leases(rows, "one", HOUR) == 0, "a lease that another owner has cannot be renewed"


def test_an_owner_renews_its_lease_even_after_it_has_expired(rows: QuerySet[Checkpoint]) -> None:
    acquire_leases(rows, "one", HOUR)
    expire(rows)
    assert renew_leases(rows, "one", HOUR, events=7) == 6
    assert list(rows.values_list("events", is_leased())) == [(7, True)] * 6


def test_a_lease_that_is_not_reentrant_excludes_its_own_owner(rows: QuerySet[Checkpoint]) -> None:
    assert acquire_leases(rows, "one", HOUR, reentrant=False) == 6
    assert acquire_leases(rows, "one", HOUR, reentrant=False) == 0
    assert acquire_leases(rows, "one", HOUR) == 6


def test_the_last_owner_can_be_kept_in_a_row_that_is_free_again(rows: QuerySet[Checkpoint]) -> None:
    acquire_leases(rows, "one", HOUR)
    assert release_leases(rows, "one", keep_owner=True, events=3) == 6
    assert [(row.owner, row.leased_until, row.events) for row in rows] == [("one", None, 3)] * 6
    assert acquire_leases(rows, "two", HOUR, reentrant=False) == 6


def test_each_operation_is_one_statement(rows: QuerySet[Checkpoint]) -> None:
    with CaptureQueriesContext(connection) as queries:
        acquire_leases(rows, "one", HOUR)
        renew_leases(rows, "one", HOUR)
        release_leases(rows, "one")
    assert len(queries) == 3


@pytest.mark.parametrize(
    ("partitions", "workers", "share"), [(12, 1, 12), (12, 5, 3), (12, 12, 1), (1, 4, 1), (6, 0, 6)]
)
def test_a_share_is_fair_and_all_shares_together_cover_everything(partitions: int, workers: int, share: int) -> None:
    assert fair_share(partitions, workers) == share
    assert share * max(workers, 1) >= partitions


def test_workers_share_the_rows_and_a_new_one_gets_its_part(rows: QuerySet[Checkpoint]) -> None:
    assert len(acquire_share(rows, "one", HOUR, share=fair_share(6, 1))) == 6
    assert acquire_share(rows, "two", HOUR, share=fair_share(6, 2)) == []
    assert [row.partition for row in acquire_share(rows, "one", HOUR, share=fair_share(6, 2))] == [0, 1, 2]
    assert [row.partition for row in acquire_share(rows, "two", HOUR, share=fair_share(6, 2))] == [3, 4, 5]
    assert owners(rows) == ["one"] * 3 + ["two"] * 3
    expire(rows.filter(owner="one"))
    assert [row.partition for row in acquire_share(rows, "two", HOUR, share=fair_share(6, 1))] == [3, 4, 5, 0, 1, 2]


def test_a_worker_keeps_the_rows_that_it_has(rows: QuerySet[Checkpoint]) -> None:
    acquire_leases(rows.filter(partition__gte=4), "one", HOUR)
    assert [row.partition for row in acquire_share(rows, "one", HOUR, share=3)] == [4, 5, 0]


def test_an_outdated_reading_of_the_rows_is_noticed(rows: QuerySet[Checkpoint]) -> None:
    known = list(rows.all())
    acquire_leases(rows.filter(partition__lt=3), "two", HOUR)
    assert [row.partition for row in acquire_share(rows, "one", HOUR, share=3, known=known)] == [3, 4, 5]


def test_a_lease_on_a_row_that_no_longer_qualifies_is_released(rows: QuerySet[Checkpoint]) -> None:
    acquire_leases(rows, "one", HOUR)
    known = list(rows.all())
    rows.filter(partition=2).update(paused=True)
    leased = acquire_share(rows.filter(paused=False), "one", HOUR, share=None, known=known)
    assert [row.partition for row in leased] == [0, 1, 3, 4, 5]
    assert owners(rows) == ["one", "one", "", "one", "one", "one"]


@pytest.mark.postgres
def test_of_workers_that_start_together_each_gets_other_rows(rows: QuerySet[Checkpoint]) -> None:
    barrier, shares = Barrier(3), dict[str, list[int]]()

    def acquire(owner: str) -> None:
        barrier.wait(DEADLINE_S)
        shares[owner] = [row.partition for row in acquire_share(rows.all(), owner, HOUR, share=2)]
        connections.close_all()

    threads = [Thread(target=acquire, args=[owner]) for owner in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    join_threads(*threads)
    assert sorted(partition for share in shares.values() for partition in share) == [0, 1, 2, 3, 4, 5]


# --- due rows -----------------------------------------------------------------------------------------------------


def add_timer(key: str, due: datetime) -> Timer:
    return Timer.objects.create(
        key=key, due_at=due, looked_at_from=due, command_type="Test", command="{}", envelope="{}", saga_id=new_id()
    )


def claim(owner: str, now: datetime, limit: int = 10) -> list[str]:
    timers = Timer.objects.order_by("looked_at_from")
    claimed = claim_due_rows(timers, due_column="looked_at_from", lease=HOUR, limit=limit, now=now, owner=owner)
    return [timer.key for timer in claimed]


def test_due_rows_are_claimed_once_and_due_again_when_the_lease_ends() -> None:
    now = timezone.now()
    add_timer("second", now - timedelta(seconds=1))
    add_timer("first", now - timedelta(seconds=2))
    add_timer("later", now + timedelta(seconds=1))
    assert claim("one", now) == ["first", "second"]
    assert claim("two", now) == []
    assert set(Timer.objects.exclude(key="later").values_list("owner", flat=True)) == {"one"}
    assert claim("two", now + HOUR, limit=1) == ["later"]
    assert sorted(claim("two", now + HOUR)) == ["first", "second"]


def test_looking_for_due_rows_costs_one_statement_when_there_are_none() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert claim("one", timezone.now()) == []
    assert len(queries) == 1
