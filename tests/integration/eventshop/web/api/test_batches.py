"""Batches of commands: each on its own or all or none, answers in order, rights of each command."""

from __future__ import annotations

from typing import Any

import pytest

from eventshop.eventstore.models import StoredEvent
from eventshop.web.api.batch_views import MAX_COMMANDS
from tests.support.api_clients import ApiClient, problem_of, shopper, staff

pytestmark = pytest.mark.usefixtures("clean_database")


def receipt(sku: str, quantity: int = 5, **options: Any) -> dict[str, Any]:
    return {"path": f"stock/{sku}/receipts", "body": {"quantity": quantity, "reference": "D-1"}, **options}


def write_off(sku: str, quantity: int) -> dict[str, Any]:
    body = {"quantity": quantity, "reason": "broken", "reference": "C-1"}
    return {"path": f"stock/{sku}/write-offs", "body": body}


def clerk() -> ApiClient:
    return ApiClient(staff("clerk", "receive_stock", "write_off_stock", "view_stocklevel"))


def test_each_command_is_answered_in_order_as_if_it_came_alone() -> None:
    program = clerk()
    body = {"commands": [receipt("MUG"), write_off("MUG", 9), receipt("BAG", 0), receipt("BAG", 2)]}
    answer = program.post("batches", body, idempotency_key="batch-1")
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 409, 422, 201]
    assert results[0]["headers"]["ETag"] == '"1"' and results[1]["body"]["code"] == "not-enough-stock"
    assert results[2]["body"]["errors"][0]["pointer"] == "/quantity"
    again = program.post("batches", body, idempotency_key="batch-1").json()["results"]
    assert again[0]["body"] == results[0]["body"] and again[0]["headers"]["Idempotency-Replayed"] == "true"
    assert StoredEvent.objects.count() == 2


def test_an_atomic_batch_is_accepted_whole_or_leaves_nothing() -> None:
    program = clerk()
    refused = program.post(
        "batches", {"atomic": True, "commands": [receipt("MUG"), receipt("BAG"), write_off("MUG", 9)]}
    )
    assert problem_of(refused) == (409, "batch-refused")
    assert refused.json()["errors"][0]["pointer"] == "/commands/2" and "not-enough-stock" in refused.json()["detail"]
    assert StoredEvent.objects.count() == 0
    accepted = program.post("batches", {"atomic": True, "commands": [receipt("MUG"), write_off("MUG", 4)]})
    assert [result["body"]["version"] for result in accepted.json()["results"]] == [1, 2]
    alone = program.post("stock/MUG/write-offs", write_off("MUG", 1)["body"])
    assert alone.json()["version"] == 3  # no state of the batch that was rolled back is left in a cache


def test_a_command_of_a_batch_needs_its_rights_its_scope_and_its_version() -> None:
    mine = shopper()
    results = mine.post("batches", {"commands": [receipt("MUG")]}).json()["results"]
    assert (results[0]["status"], results[0]["body"]["code"]) == (403, "not-allowed")
    scoped = ApiClient(clerk().login, scopes=["stock:read"])
    assert scoped.post("batches", {"commands": [receipt("MUG")]}).json()["results"][0]["body"]["code"] == "out-of-scope"
    order = {"path": "orders/00000000-0000-4000-8000-000000000001/cancellation", "body": {"reason": "no"}}
    for command, status in ((order, 404), ({**order, "if_match": '"1"'}, 404)):
        assert mine.post("batches", {"commands": [command]}).json()["results"][0]["status"] == status


@pytest.mark.parametrize(
    "command",
    [
        {"path": "batches", "body": {"commands": []}},
        {"path": "nowhere"},
        {"path": "../../admin/"},
        {"path": "orders?limit=1"},
        {"path": "webhooks", "body": {"url": "https://example.com/"}},
        {"path": "orders", "method": "DELETE"},
    ],
)
def test_what_is_no_command_of_its_own_is_refused_before_anything_happens(command: dict[str, Any]) -> None:
    answer = clerk().post("batches", {"commands": [receipt("MUG"), command]})
    assert problem_of(answer) == (422, "invalid-body")
    assert answer.json()["errors"][0]["pointer"] == "/commands/1/path"
    assert StoredEvent.objects.count() == 0


def test_a_batch_has_its_limits() -> None:
    program = clerk()
    for commands in ([], [receipt("MUG")] * (MAX_COMMANDS + 1)):
        assert problem_of(program.post("batches", {"commands": commands})) == (422, "invalid-body")
    assert problem_of(program.post("batches", {"commands": [receipt("MUG")]}, idempotency_key="")) == (
        400,
        "idempotency-key-missing",
    )
