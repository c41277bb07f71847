"""Operators work through the API as in the console: with a scope and rights of their own, recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from eventshop.core.errors import InvalidMessage
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations import rebuild_operations
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.models import OperatorAction, PeriodicWork
from eventshop.projections import dead_letter_jobs, replays
from eventshop.projections.models import Checkpoint, DeadLetter, DeadLetterJob, Rebuild, SkippedEvent
from eventshop.projections.rebuild import rebuild
from eventshop.sagas.models import Saga
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.api_clients import ApiClient, staff
from tests.support.failing_projection import Flaky, with_a_dead_letter
from tests.support.read_models import append, catch_up
from tests.support.sagas import make_suspended_saga
from tests.support.sales import Sale

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about rights; the operations have tests of their own on both
]

sale = Sale(1)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from with_a_dead_letter(sale.order_id, sale.created, sale.paid)


def operator(*permissions: str, **options: list[str]) -> ApiClient:
    return ApiClient(staff("grace", *permissions), **options)


def test_a_rebuild_is_requested_watched_switched_and_undone() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    OrderSummary.objects.update(reference="tampered")
    client = operator("view_rebuild", "rebuild_projection")
    made = client.post("operations/projections/order-summary/rebuilds", {"reason": "drift", "by_hand": True})
    assert (made.status_code, made.json()["state"]) == (201, "requested")
    address = f"operations/rebuilds/{made.json()['id']}"
    rebuild(order_summary, DatabaseEventLog(), requested_by="ada")
    found = client.get(address).json()
    assert (found["state"], found["changed"]) == ("ready", 1)
    assert client.post(f"{address}/switch", {}).status_code == 422
    assert client.post(f"{address}/pause", {"reason": "no"}).status_code == 409
    assert client.post(f"{address}/explode", {"reason": "no"}).status_code == 404
    assert client.post(f"{address}/switch", {"reason": "right"}).json()["state"] == "running"
    rebuild(order_summary, DatabaseEventLog(), requested_by="ada")
    assert client.post(f"{address}/undo", {"reason": "wrong"}).status_code == 200
    assert client.get("operations/rebuilds").json()["results"][0]["undoes"] == found["id"]
    assert OperatorAction.objects.count() == 3
    assert client.get("operations/rebuilds/999999").status_code == 404


def test_a_projection_is_reset_to_a_time() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    client, address = operator("rebuild_projection"), "operations/projections/order-summary/rebuilds"
    both = {"reason": "x", "up_to": 1, "up_to_time": "2001-01-01T00:00:00Z"}
    assert client.post(address, both).status_code == 422
    assert client.post(address, {"reason": "x", "up_to_time": "2001-01-01T00:00:00"}).status_code == 422  # which zone?
    made = client.post(address, {"reason": "x", "up_to_time": "2001-01-01T00:00:00Z"})
    assert (made.status_code, made.json()["up_to"]) == (201, 0)


def test_projections_are_listed_paused_and_resumed() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    client = operator("view_checkpoint", "pause_projection")
    assert client.post("operations/projections/order-summary/pause", {}).status_code == 422
    assert client.post("operations/projections/order-summary/pause", {"reason": "a deployment"}).status_code == 200
    states = {row["name"]: row["state"] for row in client.get("operations/projections").json()["results"]}
    assert states["order-summary"] == "paused"
    client.post("operations/projections/order-summary/resume", {})
    assert not Checkpoint.objects.filter(paused=True).exists()
    assert client.post("operations/projections/nothing/pause", {"reason": "a deployment"}).status_code == 404


def test_dead_letters_are_retried_skipped_and_corrected(flaky: Flaky) -> None:
    letter = DeadLetter.objects.get()
    address = f"operations/dead-letters/flaky/{letter.event_id}"
    client = operator("retry_dead_letters", "skip_dead_letters", "correct_dead_letters")
    assert client.post(f"{address}/retry", {}).json()["result"] == "0 folded, 1 remain"
    assert client.post(f"{address}/correct", {"reason": "no", "fields": {"nothing": 1}}).status_code == 422
    assert client.post(f"{address}/skip", {}).status_code == 422
    assert client.post(f"{address}/skip", {"reason": "a duplicate"}).status_code == 200
    assert SkippedEvent.objects.get().reason == "a duplicate"
    assert client.post(f"{address}/retry", {}).status_code == 409


def test_scope_and_right_are_both_needed(flaky: Flaky) -> None:
    address = f"operations/dead-letters/flaky/{DeadLetter.objects.get().event_id}/skip"
    assert operator("retry_dead_letters").post(address, {"reason": "no"}).status_code == 403
    with_other_scope = operator("skip_dead_letters", scopes=["operations:read"])
    assert with_other_scope.post(address, {"reason": "no"}).json()["code"] == "out-of-scope"
    assert operator().get("operations/projections").status_code == 403
    assert DeadLetter.objects.exists()


def test_a_rebuild_needs_a_pace_at_which_it_ends() -> None:
    client = operator("rebuild_projection")
    for pace in (0, -5, 10**9):
        body = {"reason": "drift", "events_per_s": pace}
        assert client.post("operations/projections/order-summary/rebuilds", body).status_code == 422
        with pytest.raises(InvalidMessage, match="events per second"):
            rebuild_operations.request("order-summary", rebuild_operations.Order("ada", "drift", pace))
    assert not Rebuild.objects.exists()


def test_rows_are_checked_tried_out_looked_up_in_the_past_and_published_again() -> None:
    append(sale.order_id, sale.created)
    catch_up(order_summary)
    root, key = "operations/projections/order-summary", str(sale.order_id)
    client = operator("replay_projection", "view_replay")
    check = client.post(f"{root}/checks", {"key": key})
    assert (check.status_code, check.json()["kind"]) == (201, "check")
    assert client.post(f"{root}/checks", {}).status_code == 422
    assert client.post(f"{root}/checks", {"key": key, "repair": True, "reason": "x"}).status_code == 403
    assert client.post(f"{root}/dry-runs", {}).json()["kind"] == "dry-run"
    past = client.post(f"{root}/point-in-time-queries", {"at": "2999-01-01T00:00:00Z"}).json()
    assert client.get(f"operations/replays/{past['id']}").json()["state"] == "requested"
    assert client.post(f"operations/replays/{past['id']}/cancel", {}).json()["result"] == "cancelled"
    assert client.post(f"operations/replays/{past['id']}/cancel", {}).status_code == 409
    may_rebuild = operator("replay_projection", "rebuild_projection")
    assert may_rebuild.post(f"{root}/checks", {"key": key, "repair": True}).status_code == 422
    assert may_rebuild.post(f"{root}/checks", {"key": key, "repair": True, "reason": "x"}).json()["kind"] == "repair"
    assert may_rebuild.post(f"{root}/republications", {"dry_run": True}).json()["result"] == "1 rows"
    actions = list(OperatorAction.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["cancel replay", "repair rows"]


def test_a_cause_is_skipped_by_a_job_and_an_event_restored(flaky: Flaky) -> None:
    letter = DeadLetter.objects.get()
    client = operator("skip_dead_letters", "view_deadletterjob")
    body = {"cause": letter.fingerprint, "reason": "imported twice"}
    assert client.post("operations/dead-letters/flaky/skip-cause", body | {"reason": ""}).status_code == 422
    made = client.post("operations/dead-letters/flaky/skip-cause", body)
    assert (made.status_code, made.json()["total"]) == (201, 1)
    address = f"operations/dead-letter-jobs/{made.json()['id']}"
    assert client.post(f"{address}/cancel-retry", {}).status_code == 403
    dead_letter_jobs.run(DeadLetterJob.objects.get())
    assert client.get(address).json()["succeeded"] == 1
    assert client.post(f"{address}/cancel-skip", {}).status_code == 409
    restored = client.post(f"operations/dead-letters/flaky/{letter.event_id}/restore", {"reason": "no duplicate"})
    assert restored.json()["result"] == f"rebuild {Rebuild.objects.get().pk}"


def test_a_correction_is_listed_and_withdrawn(flaky: Flaky) -> None:
    letter = DeadLetter.objects.get()
    client = operator("correct_dead_letters", "approve_corrections", "view_eventcorrection")
    body = {"reason": "a wrong method", "fields": {"method": "cash"}}
    client.post(f"operations/dead-letters/flaky/{letter.event_id}/correct", body)
    [listed] = client.get("operations/corrections").json()["results"]
    assert (listed["event_id"], "cash" in str(listed)) == (str(letter.event_id), False)
    assert client.post(f"operations/corrections/{listed['id']}/approve", {}).status_code == 409
    assert client.post(f"operations/corrections/{listed['id']}/withdraw", {}).status_code == 422
    assert (
        client.post(f"operations/corrections/{listed['id']}/withdraw", {"reason": "no"}).json()["result"] == "withdrawn"
    )
    assert client.get("operations/corrections").json()["results"] == []


def test_jobs_and_what_needs_attention_are_listed_and_handled() -> None:
    PeriodicWork.objects.create(name="sign-roots", due_at=timezone.now() + timedelta(hours=1))
    replays.request_dry_run("order-summary", requested_by="ada")
    client = operator("view_periodicwork", "run_periodic_job", "view_replay")
    assert client.post("operations/periodic-jobs/sign-roots/run", {}).status_code == 200
    assert client.post("operations/periodic-jobs/nothing/run", {}).status_code == 404
    assert client.get("operations/periodic-jobs").json()["results"][0]["name"] == "sign-roots"
    assert PeriodicWork.objects.get(name="sign-roots").due_at <= timezone.now()
    assert [job["kind"] for job in client.get("operations/jobs").json()["results"]] == ["Dry run"]
    now = timezone.now()
    item = AttentionItem.objects.create(
        key="k", part="kafka", severity=2, title="Kafka is away", since=now, seen_at=now
    )
    client = operator("view_attentionitem", "handle_attentionitem")
    [listed] = client.get("operations/attention").json()["results"]
    assert (listed["id"], listed["severity"]) == (item.pk, "failing")
    address = f"operations/attention/{item.pk}"
    assert client.post(f"{address}/acknowledge", {"note": "known"}).status_code == 200
    assert client.post(f"{address}/snooze", {"minutes": 0}).status_code == 422
    assert client.post(f"{address}/snooze", {"minutes": 5}).status_code == 200
    assert client.post(f"{address}/assign", {"to": "nobody"}).status_code == 422
    assert client.post(f"{address}/assign", {"to": "grace"}).json()["result"] == "assigned to grace"
    assert client.post("operations/attention/999999/acknowledge", {}).status_code == 404


def test_sagas_that_are_held_up_are_listed_and_handled_alone_and_in_groups() -> None:
    saga = make_suspended_saga(1)
    make_suspended_saga(2)
    client = operator("view_saga", "operate_saga")
    [group] = client.get("operations/saga-groups").json()["results"]
    assert (group["sagas"], group["is_suspended"]) == (2, True)
    assert client.post(f"operations/sagas/{saga.pk}/retry", {}).status_code == 422
    assert client.post(f"operations/sagas/{saga.pk}/retry", {"reason": "mended"}).status_code == 200
    assert client.post(f"operations/sagas/{Sale(9).order_id}/retry", {"reason": "x"}).status_code == 404
    Saga.objects.filter(pk=saga.pk).update(status=Saga.Status.RUNNING)
    assert client.post(f"operations/sagas/{saga.pk}/retry", {"reason": "again"}).status_code == 409
    Saga.objects.filter(pk=saga.pk).update(status=Saga.Status.SUSPENDED)
    body = {"group": group["key"], "reason": "mended"}
    assert client.post("operations/saga-groups/retry-now", body).status_code == 422
    assert client.post("operations/saga-groups/resolve", body).json()["result"].startswith("2 of 2 sagas")
    assert client.post("operations/saga-groups/resolve", body | {"group": "x"}).status_code == 422
    actions = list(OperatorAction.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["retry saga", "resolve sagas"]
