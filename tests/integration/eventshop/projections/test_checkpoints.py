"""Checkpoints as a batch locks them: in one plain statement, with the values of the table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from django.forms import model_to_dict

from eventshop.core.errors import CheckpointMoved
from eventshop.projections import checkpoints
from eventshop.projections.models import Checkpoint
from tests.support.database import count_round_trips

pytestmark = pytest.mark.usefixtures("clean_database")


def open_different() -> checkpoints.CheckpointsByPartition:
    """Checkpoints with a different value in every column."""
    for number, row in checkpoints.open_checkpoints("x", range(3), version=2).items():
        numbers = (10 * number + place for place in range(1, 6))
        names = ("position", "sequence", "store_position", "parked", "events")
        Checkpoint.objects.filter(pk=row.pk).update(owner="me", **dict(zip(names, numbers, strict=True)))
    return checkpoints.open_checkpoints("x", range(3), version=2)


def test_a_locked_checkpoint_is_as_the_table_has_it() -> None:
    known = open_different()
    with transaction.atomic():
        locked = checkpoints.lock_and_verify({number: known[number] for number in (0, 2)})
        assert list(locked) == [0, 2]
        assert {number: model_to_dict(row) for number, row in locked.items()} == {
            number: model_to_dict(known[number]) for number in (0, 2)
        }


def test_a_checkpoint_that_moved_is_refused_by_its_partition() -> None:
    known = open_different()
    Checkpoint.objects.filter(partition=1).update(sequence=99)
    with pytest.raises(CheckpointMoved, match="partition 1"), transaction.atomic():
        checkpoints.lock_and_verify(known)


@pytest.mark.postgres
def test_locked_checkpoints_stay_locked_until_the_end_of_the_transaction() -> None:
    known = open_different()

    def change() -> int:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout TO '20ms'")
                return Checkpoint.objects.filter(partition=1).update(sequence=99)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            checkpoints.lock_and_verify(known)
            with pytest.raises(DatabaseError, match="lock timeout"):
                other.submit(change).result()
        assert other.submit(change).result() == 1


@pytest.mark.postgres
def test_locking_checkpoints_takes_one_round_trip() -> None:
    known = open_different()
    with transaction.atomic():
        Checkpoint.objects.exists()  # the transaction has begun
        assert count_round_trips(lambda: checkpoints.lock_and_verify(known)) == 1
