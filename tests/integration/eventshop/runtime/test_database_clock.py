"""The database's time in Python: close to its clock, without a query each time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from eventshop.operations.models import PeriodicWork
from eventshop.runtime.database_clock import database_now
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")


def clock() -> datetime:
    """The database's clock as a transaction sees it now."""
    PeriodicWork.objects.update_or_create(name="clock", defaults={"due_at": Now() + Value(timedelta(0))})
    return PeriodicWork.objects.get(name="clock").due_at


def test_it_is_never_ahead_of_the_clock_of_the_database_and_not_far_behind() -> None:
    """What is due at once is due at once; a machine that stands still while it reads the clock falls behind."""
    before = clock()
    time = database_now()
    after = clock()
    assert before - timedelta(seconds=DEADLINE_S) < time <= after + timedelta(milliseconds=2)
    assert time.utcoffset() == timedelta(0)


def test_reading_it_again_needs_no_query_and_time_goes_on() -> None:
    first = database_now()
    with CaptureQueriesContext(connection) as queries:
        times = [database_now() for _ in range(1_000)]
    assert not queries.captured_queries
    assert first <= times[0] <= times[-1]
    assert times == sorted(times)
