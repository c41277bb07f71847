"""All dead letters of a cause are retried or skipped by a job: with progress, once, and ended when somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError, UnknownProjection
from eventshop.projections import dead_letter_jobs, replays
from eventshop.projections.models import DeadLetter, DeadLetterJob, SkippedEvent
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

SALES = [Sale(number) for number in (1, 2, 3)]
CAUSE = "PaymentProcessed: Broken: cannot digest this"


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """An order summary that fails at the second event of three sales; a third event waits behind each."""
    for flaky in register_temporarily(Flaky(order_summary)):
        for sale in SALES:
            flaky.spoils[sale.order_id, 2] = fail
            append(sale.order_id, sale.created, sale.paid, sale.shipped)
        catch_up(flaky.projection)
        yield flaky


def request(verb: str = "retry", **values: str) -> DeadLetterJob:
    return dead_letter_jobs.request("flaky", CAUSE, verb, **({"requested_by": "ada"} | values))


def run() -> DeadLetterJob:
    [job] = dead_letter_jobs.pending_jobs()
    return dead_letter_jobs.run(job)


def test_a_retry_folds_each_queue_and_tells_why_the_others_are_left(flaky: Flaky) -> None:
    del flaky.spoils[SALES[0].order_id, 2]
    assert request().total == 3
    job = run()
    assert (job.state, job.handled, job.succeeded) == ("done", 3, 1)
    assert "cannot digest" in job.error
    assert OrderSummary.objects.get(pk=SALES[0].order_id).status == "SHIPPED"
    assert DeadLetter.objects.count() == 4
    assert dead_letter_jobs.pending_jobs() == []


def test_a_skip_leaves_out_the_events_that_fail_and_not_those_that_wait(flaky: Flaky) -> None:
    request("skip", reason="imported twice")
    assert (run().succeeded, SkippedEvent.objects.count()) == (3, 3)
    assert set(SkippedEvent.objects.values_list("version", "reason", "skipped_by")) == {(2, "imported twice", "ada")}
    assert set(DeadLetter.objects.values_list("version", "error")) == {(3, "")}


def test_a_cause_has_one_open_job_and_a_job_needs_a_cause(flaky: Flaky) -> None:
    job = request()
    assert request() == job
    for error, arguments in (
        (ProjectionError, ("flaky", CAUSE, "skip")),
        (ProjectionError, ("flaky", "another", "retry")),
        (UnknownProjection, ("nothing", CAUSE, "retry")),
    ):
        with pytest.raises(error):
            dead_letter_jobs.request(*arguments, reason="why", requested_by="ada")
    with pytest.raises(InvalidMessage, match="reason"):
        request("skip", reason=" ")
    assert DeadLetterJob.objects.count() == 1


def test_a_job_ends_behind_the_dead_letter_at_which_it_was_cancelled(flaky: Flaky) -> None:
    job = request()
    flaky.repair()
    flaky.spoils[SALES[0].order_id, 2] = lambda row: dead_letter_jobs.cancel(job)
    ended = run()
    assert (ended.state, ended.finished_at is not None, dead_letter_jobs.pending_jobs()) == ("cancelled", True, [])
    assert OrderSummary.objects.get(pk=SALES[0].order_id).status == "SHIPPED"
    assert set(DeadLetter.objects.values_list("aggregate_id", flat=True)) == {sale.order_id for sale in SALES[1:]}
    with pytest.raises(ProjectionError, match="is cancelled"):
        dead_letter_jobs.cancel(job)


def test_another_worker_goes_on_behind_the_last_dead_letter_of_one_that_died(flaky: Flaky) -> None:
    job = request("skip", reason="why")
    first = DeadLetter.objects.exclude(error="").earliest("position")
    now = timezone.now()
    begun = {"state": "running", "started_at": now, "owner": "dead", "leased_until": now + replays.LEASE}
    DeadLetterJob.objects.update(position=first.position, handled=1, succeeded=1, **begun)
    assert dead_letter_jobs.pending_jobs() == []
    assert dead_letter_jobs.run(job).handled == 1
    DeadLetterJob.objects.update(leased_until=now - timedelta(seconds=1))
    ended = run()
    assert (ended.state, ended.handled, ended.started_at) == ("done", 3, now)
    assert first.event_id not in SkippedEvent.objects.values_list("event_id", flat=True)


def test_a_job_of_a_projection_that_is_gone_fails_in_its_row(flaky: Flaky) -> None:
    request()
    DeadLetterJob.objects.update(projection="gone")
    DeadLetter.objects.update(projection="gone")
    job = run()
    assert (job.state, "gone" in job.error) == ("failed", True)
