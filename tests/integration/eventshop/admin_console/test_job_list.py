"""All jobs are one list: those that have not ended first, with progress, their own page and their end."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from eventshop.admin_console import job_views
from eventshop.operations.job_list import listed_jobs, registered_sources
from eventshop.projections.models import Rebuild
from tests.support.jobs import PERSON, make_jobs
from tests.support.pages import texts
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

PAGE = "/admin/ops/periodicwork/jobs/"
VIEW = ("view_periodicwork", "view_rebuild", "view_replay", "view_erasure", "view_retentionrun")


@pytest.mark.both
def test_jobs_of_every_kind_are_one_list_with_what_has_not_ended_first() -> None:
    rebuild = make_jobs()
    page = clerk(*VIEW).get(PAGE)
    jobs = page.context["jobs"]
    assert [(job["kind"], str(job["state"])) for job in jobs] == [
        ("Erasure", "stopped"),
        ("Row check", "waiting"),
        ("Dry run", "waiting"),
        ("Rebuild", "running"),
        ("Scheduled job", "failed"),
        ("Retention run", "done"),
    ]
    running = texts(page, "job")[3]
    for shown in ("order-summary", "25 %, 1,000 of 4,000 positions", "0:00:30 to go", "ada"):
        assert shown in running
    assert jobs[3]["url"] == reverse("admin:projection_engine_rebuild_change", args=(rebuild.pk,))
    assert "Kafka does not answer" in texts(page, "job")[4]
    assert "3 erased" in texts(page, "job")[5]
    assert str(PERSON) not in "".join(texts(page, "job"))
    assert all(clerk(*VIEW).get(job["url"]).status_code == 200 for job in jobs)


def test_only_kinds_that_one_may_view_are_listed_and_cancelled_with_the_right() -> None:
    rebuild = make_jobs()
    assert clerk("view_rebuild").get(PAGE).status_code == 403
    few = clerk("view_periodicwork", "view_rebuild").get(PAGE).context
    assert few["kinds"] == ["Rebuild", "Scheduled job"] and len(few["jobs"]) == 2
    assert few["jobs"][0]["cancel_url"] == ""
    client = clerk("view_periodicwork", "view_rebuild", "rebuild_projection")
    client.post(client.get(PAGE).context["jobs"][0]["cancel_url"], {"reason": "a mistake"})
    rebuild.refresh_from_db()
    assert rebuild.state == Rebuild.State.CANCELLED
    [ended] = [job for job in client.get(PAGE).context["jobs"] if job["kind"] == "Rebuild"]
    assert (str(ended["state"]), ended["cancel_url"]) == ("cancelled", "")


@pytest.mark.both
def test_jobs_are_chosen_by_kind_and_state() -> None:
    client = clerk(*VIEW)
    assert texts(client.get(PAGE), "no-jobs") == ["No job was asked for yet."]
    make_jobs()
    waiting = client.get(f"{PAGE}?state=waiting").context["jobs"]
    assert sorted(job["kind"] for job in waiting) == ["Dry run", "Row check"]
    assert [job["kind"] for job in client.get(f"{PAGE}?kind=Dry run").context["jobs"]] == ["Dry run"]
    assert "Show all jobs" in texts(client.get(f"{PAGE}?kind=Dry run&state=failed"), "no-jobs")[0]
    for wrong in ("kind=x", "state=x"):
        assert client.get(f"{PAGE}?{wrong}").status_code == 404
    assert clerk("view_periodicwork").get(f"{PAGE}?kind=Rebuild").status_code == 404


def test_a_long_list_has_pages_and_few_queries(django_assert_max_num_queries: object) -> None:
    now = timezone.now()
    Rebuild.objects.bulk_create(
        Rebuild(projection="user", state="done", requested_by="ada", requested_at=now)
        for _ in range(job_views.PAGE_SIZE + 5)
    )
    make_jobs()
    client = clerk(*VIEW)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        first = client.get(PAGE).context
    second = client.get(f"{PAGE}?p=2").context
    assert (len(first["jobs"]), len(second["jobs"])) == (job_views.PAGE_SIZE, 11)
    urls = {job["url"] for page in (first, second) for job in page["jobs"]}
    assert len(urls) == listed_jobs(registered_sources()).count() == job_views.PAGE_SIZE + 11
