"""The desk of dead letters: causes, dry runs, skipping and restoring; projections are paused; all of it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.urls import reverse

from eventshop.operations.models import OperatorAction
from eventshop.projections import dead_letter_jobs
from eventshop.projections.models import Checkpoint, DeadLetter, DeadLetterJob, Rebuild, SkippedEvent, UnreadableRecord
from eventshop.runtime.database_clock import database_now
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.api_clients import ApiClient, staff
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.pages import find, texts
from tests.support.read_models import append, catch_up
from tests.support.sagas import make_suspended_saga
from tests.support.sales import Sale
from tests.support.staff import actor_of, clerk, message_levels, messages_of

pytestmark = pytest.mark.usefixtures("clean_database")

sale, other = Sale(1), Sale(2)
LIST = "/admin/projection_engine/deadletter/"


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """An order summary that cannot fold the second event of two sales; the third of one waits."""
    for flaky in register_temporarily(Flaky(order_summary)):
        flaky.spoils |= {(sale.order_id, 2): fail, (other.order_id, 2): fail}
        append(sale.order_id, sale.created, sale.paid, sale.shipped)
        append(other.order_id, other.created, other.paid)
        catch_up(flaky.projection)
        yield flaky


def address(row: Any, action: str) -> str:
    return reverse(f"admin:projection_engine_{row._meta.model_name}_{action}", args=(row.pk,))


def first() -> DeadLetter:
    return DeadLetter.objects.earliest("position")


def recorded() -> list[tuple[str, str, str]]:
    return list(OperatorAction.objects.order_by("pk").values_list("actor", "action", "reason"))


def test_the_list_shows_each_cause_once_with_how_many_events_it_holds_up(flaky: Flaky) -> None:
    client = clerk("view_deadletter")
    page = client.get(LIST)
    [cause] = page.context["causes"]
    assert (cause["projection"], cause["count"]) == ("flaky", 2)
    of_cause = client.get(LIST, {"cause": cause["fingerprint"]})
    assert len(of_cause.context["cl"].result_list) == 2
    DeadLetter.objects.all().delete()
    assert not list(client.get(LIST).context["causes"])


def test_a_dry_run_shows_the_rows_that_a_retry_would_change(flaky: Flaky) -> None:
    client = clerk("view_deadletter")
    page = address(first(), "change")
    assert not texts(client.get(page), "preview")
    flaky.repair()
    assert client.get(page + "?dry-run").context["preview"].folded == 2
    assert OrderSummary.objects.get(pk=sale.order_id).status == "CREATED"


def test_a_queue_is_retried_up_to_one_of_its_dead_letters_on_all_ways(flaky: Flaky) -> None:
    flaky.repair()
    append(sale.order_id, sale.delivered)
    catch_up(flaky.projection)
    queue = DeadLetter.objects.filter(aggregate_id=sale.order_id).order_by("position")
    second, third, fourth = queue
    client = clerk("view_deadletter", "retry_dead_letters")
    assert client.get(address(second, "retry_up_to_here")).status_code == 200
    answer = client.post(address(second, "retry_up_to_here"))
    assert messages_of(answer) == [f"flaky, {sale.order_id}: 1 folded, 2 dead letters left."]
    assert list(queue.all()) == [third, fourth]
    third.refresh_from_db()
    assert third.next_attempt_at and third.next_attempt_at > database_now() + timedelta(
        minutes=50
    )  # it waits, and not for ever
    operator = ApiClient(staff("grace", "retry_dead_letters"))
    retry = f"operations/dead-letters/flaky/{third.event_id}/retry"
    assert operator.post(retry, {"up_to_here": True}).json()["result"] == "1 folded, 1 remain"
    for arguments in ((), ("flaky", "daily-sales")):
        with pytest.raises(CommandError, match="one projection"):
            call_command("retry_dead_letters", *arguments, up_to=fourth.event_id)
    with pytest.raises(CommandError, match="no dead letter"):
        call_command("retry_dead_letters", "flaky", up_to=third.event_id)
    call_command("retry_dead_letters", "flaky", up_to=fourth.event_id)
    assert not queue.all().exists()


def test_one_is_skipped_with_a_reason_and_restored_by_a_rebuild(flaky: Flaky) -> None:
    row = first()
    skip = address(row, "skip")
    assert clerk("view_deadletter", "retry_dead_letters").post(skip, {"reason": "x"}).status_code == 403
    client = clerk("view_deadletter", "skip_dead_letters", "view_skippedevent")
    assert client.post(skip, {"reason": " "}).status_code == 200  # asked again
    assert message_levels(client.post(skip, {"reason": "imported twice"}))[-1] == "success"
    skipped = SkippedEvent.objects.get()
    assert (skipped.event_id, skipped.skipped_by) == (row.event_id, actor_of("clerk"))
    assert message_levels(client.post(skip, {"reason": "imported twice"}))[-1] == "info"
    assert client.get("/admin/projection_engine/skippedevent/").status_code == 200
    assert not client.get(address(skipped, "change")).context["tables"]
    client = clerk("view_deadletter", "skip_dead_letters", "view_skippedevent", "view_operatoraction")
    [history] = client.get(address(skipped, "change")).context["tables"]
    assert [action[3] for action in history.rows] == ["imported twice"]
    client.post(address(skipped, "restore"), {"reason": "not twice after all"})
    assert Rebuild.objects.get().projection == "flaky"
    assert recorded() == [
        (actor_of("clerk"), "skip dead letter", "imported twice"),
        (actor_of("clerk"), "restore skipped event", "not twice after all"),
    ]


def test_a_cause_is_retried_or_skipped_as_a_whole_by_a_job_with_progress(flaky: Flaky) -> None:
    client = clerk("view_deadletter", "retry_dead_letters", "skip_dead_letters", "view_deadletterjob")
    answer = client.post(address(first(), "retry_cause"))
    job = DeadLetterJob.objects.get()
    page = address(job, "change")
    assert (answer.headers["Location"], job.total) == (page, 2)
    assert find(client.get(page), "job-requested") and texts(client.get(LIST), "letter-jobs")
    assert message_levels(client.post(address(first(), "skip_cause"), {"reason": "x"})) == ["error"]  # under way
    dead_letter_jobs.run(job)
    assert texts(client.get(page), "succeeded") == ["0; 2 are dead letters still"]
    assert client.post(address(first(), "skip_cause"), {"reason": " "}).status_code == 200  # asked again
    client.post(address(first(), "skip_cause"), {"reason": "nobody needs them"})
    dead_letter_jobs.run(DeadLetterJob.objects.latest("pk"))
    assert SkippedEvent.objects.count() == 2
    assert not DeadLetter.objects.exclude(error="").exists()
    assert [action for _, action, _ in recorded()] == ["retry cause", "skip cause"]


def test_a_job_about_dead_letters_is_cancelled_with_a_right_about_them(flaky: Flaky) -> None:
    job = dead_letter_jobs.request("flaky", first().fingerprint, "skip", reason="x", requested_by="ada")
    cancel = address(job, "cancel")
    assert clerk("view_deadletterjob").post(cancel).status_code == 403
    client = clerk("view_deadletterjob", "skip_dead_letters")
    assert client.get(cancel).status_code == 200
    assert client.post(cancel, {"go": "on"}).status_code == 302
    assert find(client.get(address(job, "change")), "job-cancelled")
    assert message_levels(client.post(cancel, {"go": "on"})) == ["error"]
    assert dead_letter_jobs.run(job).handled == 0 and not SkippedEvent.objects.exists()


def test_sagas_that_are_held_up_are_on_the_desk_by_cause_with_their_actions() -> None:
    for number in (1, 2):
        make_suspended_saga(number)
    [text] = texts(clerk("view_deadletter", "view_saga", "operate_saga").get(LIST), "saga-causes")
    assert "the gateway answered …" in text and "Compensate all" in text and " 2 " in text
    assert not texts(clerk("view_deadletter").get(LIST), "saga-causes")
    [text] = texts(clerk("view_deadletter", "view_saga").get(LIST), "saga-causes")
    assert "Compensate all" not in text


def test_what_the_workers_have_folded_meanwhile_is_nothing_to_retry(flaky: Flaky) -> None:
    ids = list(DeadLetter.objects.values_list("pk", flat=True))
    DeadLetter.objects.all().delete()
    client = clerk("view_deadletter", "retry_dead_letters")
    assert client.post(LIST, {"action": "retry_selected", "_selected_action": ids}).status_code == 302


def test_a_projection_is_paused_with_a_reason_and_resumed(flaky: Flaky) -> None:
    checkpoint = Checkpoint.objects.get(projection="flaky")
    pause, resume = address(checkpoint, "pause"), address(checkpoint, "resume")
    assert clerk("view_checkpoint").post(pause, {"reason": "deployment"}).status_code == 403
    client = clerk("view_checkpoint", "pause_projection")
    assert client.get(pause).status_code == 200
    client.post(pause, {"reason": "deployment"})
    assert Checkpoint.objects.get(projection="flaky").paused
    client.post(resume, {"go": "on"})
    assert not Checkpoint.objects.get(projection="flaky").paused
    assert [entry[1:] for entry in recorded()] == [("pause projection", "deployment"), ("resume projection", "")]
    assert clerk("view_operatoraction").get("/admin/ops/operatoraction/", {"q": "pause"}).status_code == 200


def test_the_command_line_skips_and_pauses_and_is_recorded(flaky: Flaky, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("skip_dead_letter", "flaky", str(first().event_id), reason="imported twice")
    call_command("pause_projections", "flaky", reason="deployment")
    assert Checkpoint.objects.get(projection="flaky").paused
    call_command("pause_projections", "flaky", resume=True)
    for arguments in (
        ("skip_dead_letter", "flaky", str(sale.order_id), "--reason", "x"),
        ("pause_projections", "flaky"),
        ("pause_projections", "nonsense", "--reason", "x"),
    ):
        with pytest.raises(CommandError):
            call_command(*arguments)
    assert [action for _, action, _ in recorded()] == ["skip dead letter", "pause projection", "resume projection"]


def test_what_else_is_set_aside_is_shown_to_those_who_may_see_it(flaky: Flaky) -> None:
    UnreadableRecord.objects.create(
        projection="flaky",
        topic="event-store",
        partition=3,
        offset=7,
        value=b"a secret",
        error="no event",
        found_at=Now(),
    )
    assert not texts(clerk("view_deadletter").get(LIST), "set-aside")
    client = clerk("view_deadletter", "view_unreadablerecord")
    [text] = texts(client.get(LIST), "set-aside")
    assert "Unreadable records: 1" in text
    page = client.get(address(UnreadableRecord.objects.get(), "change")).content.decode()
    assert "3@7" in page
    assert "a secret" not in page
