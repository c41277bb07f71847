"""Operators work through the API as in the console: with a scope and rights of their own, recorded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations import rebuild_operations
from eventshop.operations.models import OperatorAction
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, SkippedEvent
from eventshop.projections.rebuild import rebuild
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.api_clients import ApiClient, staff
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale

pytestmark = [
    pytest.mark.usefixtures("clean_database"),
    pytest.mark.long(on="postgres"),  # about rights; the operations have tests of their own on both
]

sale = Sale(1)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    for flaky in register_temporarily(Flaky(order_summary)):
        flaky.spoils[sale.order_id, 2] = fail
        append(sale.order_id, sale.created, sale.paid)
        catch_up(flaky.projection)
        yield flaky


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
