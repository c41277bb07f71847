"""The webhook API: create, change and delete webhooks, read their deliveries and resend them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings
from standardwebhooks import Webhook

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.api.api_tokens import revoke_tokens_of
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks.delivery import claim_due, send_deliveries
from eventshop.web.webhooks.enqueue import enqueue_deliveries
from eventshop.web.webhooks.worker import send_webhooks
from orders.domain.commands import ReceiveStock
from tests.support.api_clients import ApiClient, problem_of, staff
from tests.support.webhook_receiver import Receiver, run_receiver

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def hook_receiver() -> Iterator[Receiver]:
    with run_receiver() as server, override_settings(WEBHOOKS_TO_PRIVATE=True):
        yield server


def integrator(name: str = "integrator", **how: Any) -> ApiClient:
    return ApiClient(staff(name, "view_storedevent", "add_webhookendpoint"), **how)


def create_webhook(program: ApiClient, url: str, *types: str) -> Any:
    answer = program.post("webhooks", {"url": url, "types": types})
    assert answer.status_code == 201, answer.content
    return answer


def receive_stock(reference: str) -> None:
    command_dispatcher.send(ReceiveStock(sku="MUG", quantity=1, reference=reference))


def test_a_program_is_told_of_what_it_subscribed_to_and_knows_the_secret(hook_receiver: Receiver) -> None:
    program = integrator()
    receive_stock("D-1")  # before
    created = create_webhook(program, hook_receiver.url, "StockReceived")
    path = f"webhooks/{created.json()['id']}"
    assert created["Location"].endswith(f"/api/v1/{path}") and created["ETag"] == '"1"'
    receive_stock("D-2")
    send_webhooks()
    [request] = hook_receiver.requests
    assert Webhook(created.json()["secret"]).verify(request.body, request.headers)["data"]["data"]["reference"] == "D-2"
    [delivery] = program.get(f"{path}/deliveries").json()["results"]
    assert (delivery["id"], delivery["state"], delivery["due_at"]) == (request.headers["webhook-id"], "delivered", None)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [204]
    shown = program.get(path).json()
    assert shown["cursor"] == newest_position() and "secret" not in shown


def test_a_message_that_was_given_up_is_sent_again_on_demand(hook_receiver: Receiver) -> None:
    program = integrator()
    path = f"webhooks/{create_webhook(program, hook_receiver.url).json()['id']}"
    receive_stock("D-1")
    hook_receiver.answers = [500]
    send_webhooks()
    WebhookDelivery.objects.update(state="failed")
    [failed] = program.get(f"{path}/deliveries?state=failed").json()["results"]
    again = program.send("post", f"{path}/deliveries/{failed['id']}/resending")
    assert again.status_code == 202 and again["Location"].endswith(f"{path}/deliveries")
    send_webhooks()
    [delivery] = program.get(f"{path}/deliveries").json()["results"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 204]
    assert problem_of(program.send("post", f"{path}/deliveries/{new_id()}/resending")) == (404, "not-found")
    assert problem_of(program.get(f"{path}/deliveries?state=lost")) == (400, "invalid-parameter")


def test_a_webhook_is_changed_and_removed_by_who_has_seen_it_as_it_is(hook_receiver: Receiver) -> None:
    program = integrator()
    created = create_webhook(program, hook_receiver.url).json()
    path = f"webhooks/{created['id']}"
    off = {"url": hook_receiver.url, "types": ["OrderCreated"], "active": False}
    assert problem_of(program.send("put", path, off)) == (428, "precondition-missing")
    changed = program.send("put", path, off, if_match='"1"')
    assert (changed.status_code, changed["ETag"], changed.json()["active"]) == (200, '"2"', False)
    lost = program.send("put", path, {**off, "active": True}, if_match='"1"')
    assert problem_of(lost) == (412, "wrong-expected-version") and lost.json()["version"] == 2
    assert problem_of(program.get(f"{path}/secret")) == (405, "wrong-method")
    rotated = program.send("post", f"{path}/secret", if_match='"2"')
    assert rotated.json()["secret"] != created["secret"] and rotated.json()["former_until"]
    assert problem_of(program.send("post", f"{path}/secret", if_match='"2"')) == (412, "wrong-expected-version")
    assert problem_of(program.send("delete", path, if_match='"2"')) == (412, "wrong-expected-version")
    assert program.send("delete", path, if_match='"3"').status_code == 204
    assert problem_of(program.get(path)) == (404, "not-found")
    assert not WebhookEndpoint.objects.exists()


def test_the_same_key_makes_one_webhook(hook_receiver: Receiver) -> None:
    program, body = integrator(), {"url": hook_receiver.url}
    first = program.post("webhooks", body, idempotency_key="hook-1")
    again = program.post("webhooks", body, idempotency_key="hook-1")
    expected = {**first.json(), "secret": None}  # which was shown once
    assert (again.status_code, again.json(), again["Idempotency-Replayed"]) == (201, expected, "true")
    other = program.post("webhooks", {**body, "types": ["OrderCreated"]}, idempotency_key="hook-1")
    assert problem_of(other) == (422, "command-id-reused")
    assert WebhookEndpoint.objects.count() == 1


def test_each_sees_their_own_and_staff_who_may_see_everybodys(hook_receiver: Receiver) -> None:
    mine, other = integrator(), integrator("other")
    path = f"webhooks/{create_webhook(mine, hook_receiver.url).json()['id']}"
    create_webhook(other, hook_receiver.url)
    looker = ApiClient(staff("looker", "view_webhookendpoint"))
    assert [len(client.get("webhooks").json()["results"]) for client in (mine, other, looker)] == [1, 1, 2]
    for resource in (path, f"{path}/deliveries"):
        assert problem_of(other.get(resource)) == (404, "not-found")
    assert looker.get(path).status_code == 200
    assert problem_of(looker.send("post", f"{path}/secret", if_match="*")) == (403, "not-allowed")
    assert problem_of(looker.send("delete", path, if_match="*")) == (403, "not-allowed")
    changer = ApiClient(staff("changer", "view_webhookendpoint", "change_webhookendpoint"))
    assert changer.send("post", f"{path}/secret", if_match="*").json()["secret"]
    assert problem_of(integrator(scopes=["webhooks:read"]).post("webhooks", {})) == (403, "out-of-scope")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"url": "https://10.0.0.1/"}, "unsafe-address", None),
        ({"url": "http://93.184.215.14/"}, "unsafe-address", None),
        ({"url": "nonsense"}, "unsafe-address", None),
        ({"url": "https://nowhere.invalid/"}, "invalid-body", "/url"),
        ({"url": "https://93.184.215.14/", "types": ["OrderCreated", "OrderMade"]}, "invalid-body", "/types/1"),
        ({"url": ""}, "invalid-body", "/url"),
        ({"types": []}, "invalid-body", ""),
    ],
)
def test_where_no_webhook_may_go_it_is_not_made(body: Any, code: str, pointer: str | None) -> None:
    answer = integrator().post("webhooks", body)
    assert problem_of(answer) == (422, code)
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not WebhookEndpoint.objects.exists()


def test_a_webhook_removed_while_it_is_sent_to_is_no_failure(hook_receiver: Receiver) -> None:
    program = integrator()
    path = f"webhooks/{create_webhook(program, hook_receiver.url).json()['id']}"
    receive_stock("D-1")
    hook_receiver.before_answer = lambda: program.send("delete", path, if_match="*")
    send_webhooks()
    assert len(hook_receiver.requests) == 1 and not WebhookDelivery.objects.exists()


def test_of_two_who_change_what_they_both_saw_one_is_told(hook_receiver: Receiver) -> None:
    program = integrator()
    path = f"webhooks/{create_webhook(program, hook_receiver.url).json()['id']}"
    for version in range(1, 6):

        def change(active: bool, version: int = version) -> int:
            body = {"url": hook_receiver.url, "types": [], "active": active}
            try:
                return int(program.send("put", path, body, if_match=f'"{version}"').status_code)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as both:
            assert sorted(both.map(change, (True, False))) == [200, 412]


CHANGER = ("view_storedevent", "view_webhookendpoint", "change_webhookendpoint")


def test_who_changes_a_webhook_must_be_able_to_read_what_it_sends_when_it_is_sent(hook_receiver: Receiver) -> None:
    path = f"webhooks/{create_webhook(integrator(), hook_receiver.url).json()['id']}"
    body = {"url": hook_receiver.url, "types": [], "active": True}
    blind = ApiClient(staff("changer", *CHANGER[1:]))
    assert problem_of(blind.send("put", path, body, if_match="*")) == (403, "not-allowed")
    changer = ApiClient(staff("changer", *CHANGER))
    assert changer.send("put", path, body, if_match="*").status_code == 200
    receive_stock("D-1")
    enqueue_deliveries()
    staff("changer")  # loses the permissions between the event and its delivery
    send_deliveries(claim_due())
    assert not hook_receiver.requests and not WebhookEndpoint.objects.get().active


def test_a_webhook_ends_with_the_token_that_made_it(hook_receiver: Receiver) -> None:
    program = integrator()
    create_webhook(program, hook_receiver.url)
    receive_stock("D-1")
    enqueue_deliveries()
    revoke_tokens_of(program.login)
    send_deliveries(claim_due())
    assert not hook_receiver.requests and not WebhookEndpoint.objects.get().active


def test_a_token_makes_no_webhook_that_sends_more_than_it_may_read(hook_receiver: Receiver) -> None:
    program = integrator(scopes=["webhooks:read", "webhooks:write"])
    assert problem_of(program.post("webhooks", {"url": hook_receiver.url})) == (403, "out-of-scope")
    path = f"webhooks/{create_webhook(integrator(), hook_receiver.url).json()['id']}"
    body = {"url": hook_receiver.url, "types": [], "active": True}
    assert problem_of(program.send("put", path, body, if_match="*")) == (403, "out-of-scope")
    assert not any("secret" in webhook for webhook in program.get("webhooks").json()["results"])
