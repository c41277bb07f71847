"""Verifications run as jobs: their result is kept, and a fault makes health and an alert say so."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from eventshop.operations import periodic_jobs, verifications
from eventshop.operations.models import PeriodicWork
from eventshop.operations.verifications import VerificationFailed, verify_read_model
from eventshop.operations.work_health import check_periodic_jobs
from eventshop.projections.projection import projection_registry
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.read_models import append_order_histories, catch_up

pytestmark = pytest.mark.usefixtures("clean_database")

NAMES = ("verify-chains", "verify-snapshots", "verify-log", "check-topics", "verify-rows")


@pytest.fixture
def shop() -> None:
    append_order_histories(Random(1), range(5))
    catch_up(*projection_registry.select([]))


def test_they_are_registered_and_succeed_on_an_intact_store(shop: None) -> None:
    jobs = [job for name, job in periodic_jobs._jobs.items() if name in NAMES]
    assert sorted(job.name for job in jobs) == sorted(NAMES)
    assert len(periodic_jobs.run_due_jobs(jobs)) == len(NAMES)
    results = dict(PeriodicWork.objects.values_list("name", "said"))
    assert "are as they were written" in results["verify-chains"]
    assert "rows are the fold of" in results["verify-rows"]
    assert check_periodic_jobs().ok


def test_a_row_that_is_not_the_fold_of_its_events_is_found_and_reported(shop: None) -> None:
    row = OrderSummary.objects.all()[0]
    OrderSummary.objects.filter(pk=row.pk).update(reference="another")
    with pytest.raises(VerificationFailed, match=f"order-summary: 0 rows are missing, 1 differ.*{row.pk}"):
        verify_read_model(order_summary)
    job = periodic_jobs.PeriodicJob("verify-rows", timedelta(days=1), lambda: verify_read_model(order_summary))
    assert periodic_jobs.run_due_jobs([job]) == []
    assert "verify-rows failed: VerificationFailed: 1 faults" in check_periodic_jobs().detail


def test_every_read_model_has_its_day() -> None:
    names = {projection.name for projection in projection_registry.select([])}
    begin = date(2026, 1, 1)
    results = [verifications.verify_rows(begin + timedelta(days=number)) for number in range(len(names))]
    assert {result.split(":")[0] for result in results} == names


def test_a_store_that_is_too_large_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch, shop: None) -> None:
    monkeypatch.setattr(verifications, "MAX_POSITION", 1)
    assert verifications.verify_all_chains().endswith("too many for a job; run verify_chain")
