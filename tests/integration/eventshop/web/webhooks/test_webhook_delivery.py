"""Webhook delivery: each event once, signed, retried until it is accepted, and never into our own network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from django.test import Client, override_settings
from django.utils import timezone
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks import signing
from eventshop.web.webhooks.delivery import RETRY_DELAYS, claim_due, send_deliveries
from eventshop.web.webhooks.enqueue import enqueue_deliveries
from eventshop.web.webhooks.url_policy import UnsafeAddress, resolve_target
from eventshop.web.webhooks.worker import send_webhooks
from orders.domain.commands import CreateOrder, ReceiveStock
from tests.integration.eventshop.web.api.test_openapi import DOCUMENT, fits
from tests.support.api_clients import staff
from tests.support.sales import ADA, Sale
from tests.support.staff import boss, clerk
from tests.support.webhook_receiver import Receiver, run_receiver

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def hook_receiver() -> Iterator[Receiver]:
    with run_receiver() as server, override_settings(WEBHOOKS_TO_PRIVATE=True):
        yield server


def send_due() -> int:
    return send_deliveries(claim_due())


def endpoint(url: str, types: str = "") -> WebhookEndpoint:
    owner = staff("integrator", "view_storedevent")
    return WebhookEndpoint.objects.create(owner=owner, url=url, types=types, cursor=newest_position())


def receive_stock(number: int = 1) -> None:
    for count in range(number):
        command_dispatcher.send(ReceiveStock(sku=f"S{count}", quantity=1, reference="D-1"))


def make_due(delivery: WebhookDelivery) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(due_at=Now() - timedelta(seconds=1))


def test_what_happens_is_told_once_and_signed(hook_receiver: Receiver) -> None:
    receive_stock()  # before the webhook exists
    webhook = endpoint(hook_receiver.url)
    command_dispatcher.send(CreateOrder(Sale(1).order_id, "1", ADA, Sale(1).lines, delivery_name="Ada Marker"))
    for _ in range(3):
        send_webhooks()
    [request] = hook_receiver.requests
    message = Webhook(signing.signing_secret(webhook)).verify(request.body, request.headers)
    assert (message["type"], message["data"]["aggregate_id"]) == ("OrderCreated", str(Sale(1).order_id))
    assert message["data"]["data"]["delivery_name"] is None and "Ada Marker" not in request.body
    operation = DOCUMENT["webhooks"]["OrderCreated"]["post"]
    fits(operation["requestBody"]["content"]["application/json"]["schema"], json.loads(request.body))
    assert {parameter["name"] for parameter in operation["parameters"]} <= set(request.headers)
    assert request.headers["host"] == hook_receiver.url.split("/")[2]
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.state, request.headers["webhook-id"]) == ("delivered", str(delivery.pk))
    [attempt] = delivery.attempts.all()
    assert (attempt.status, attempt.error) == (204, "")


def test_only_the_types_that_were_asked_for_are_told(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url, "OrderCreated")
    receive_stock(3)
    command_dispatcher.send(CreateOrder(Sale(1).order_id, "1", ADA, Sale(1).lines))
    send_webhooks()
    assert [json.loads(request.body)["type"] for request in hook_receiver.requests] == ["OrderCreated"]


def test_a_receiver_that_fails_is_tried_again_and_later_each_time(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    receive_stock()
    hook_receiver.answers = [500, 302, 404]
    enqueue_deliveries()
    for number, status in enumerate((500, 302, 404)):
        before = timezone.now()
        assert send_due() == 1
        [delivery] = WebhookDelivery.objects.all()
        assert (delivery.state, delivery.attempts.last().status) == ("waiting", status)  # type: ignore[union-attr]
        assert before <= delivery.due_at - RETRY_DELAYS[number] <= timezone.now()
        assert send_due() == 0
        make_due(delivery)
    assert send_due() == 1
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.state, delivery.attempts.count()) == ("delivered", 4)
    ids = {request.headers["webhook-id"] for request in hook_receiver.requests}
    assert len(ids) == 1 and len(hook_receiver.requests) == 4  # a redirect is not followed


def test_in_the_end_it_is_given_up_and_staff_send_it_again(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    receive_stock()
    enqueue_deliveries()
    hook_receiver.answers = [503] * (len(RETRY_DELAYS) + 1)
    for _ in range(len(RETRY_DELAYS) + 1):
        send_due()
        make_due(WebhookDelivery.objects.get())
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, send_due()) == ("failed", 0)
    rows = {"action": "resend", "_selected_action": [str(delivery.pk)]}
    clerk("view_webhookdelivery").post("/admin/web/webhookdelivery/", rows)
    assert send_due() == 0
    clerk("view_webhookdelivery", "resend_webhookdelivery").post("/admin/web/webhookdelivery/", rows)
    assert (send_due(), WebhookDelivery.objects.get().state) == (1, "delivered")
    page = boss().get(f"/admin/web/webhookdelivery/{delivery.pk}/change/").content.decode()
    assert page.count("503") >= len(RETRY_DELAYS)


def test_a_receiver_that_is_away_is_no_failure_of_ours() -> None:
    with override_settings(WEBHOOKS_TO_PRIVATE=True):
        endpoint("http://127.0.0.1:1/hooks")
        receive_stock()
        send_webhooks()
    [attempt] = WebhookDelivery.objects.get().attempts.all()
    assert (attempt.status, attempt.error) == (None, "ConnectError")


def test_a_receiver_that_says_gone_is_told_no_more(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    receive_stock(2)
    hook_receiver.answers = [410]
    enqueue_deliveries()
    WebhookDelivery.objects.filter(position=newest_position()).update(due_at=Now() + timedelta(hours=1))
    send_due()
    assert not WebhookEndpoint.objects.get().active
    WebhookDelivery.objects.update(due_at=Now())
    assert send_due() == 0 and len(hook_receiver.requests) == 1


def test_whoever_may_not_read_events_any_more_is_not_told_of_them(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    staff("integrator")
    receive_stock()
    send_webhooks()
    assert not hook_receiver.requests and not WebhookEndpoint.objects.get().active


def test_a_new_secret_and_the_former_one_both_sign_for_a_day(hook_receiver: Receiver) -> None:
    webhook = endpoint(hook_receiver.url)
    before = signing.signing_secret(webhook)
    signing.rotate_secret(webhook)
    after = signing.signing_secret(webhook)
    assert before != after
    receive_stock()
    send_webhooks()
    for secret in (before, after):
        Webhook(secret).verify(hook_receiver.requests[0].body, hook_receiver.requests[0].headers)
    WebhookEndpoint.objects.update(former_until=timezone.now())
    receive_stock()
    send_webhooks()
    Webhook(after).verify(hook_receiver.requests[1].body, hook_receiver.requests[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(before).verify(hook_receiver.requests[1].body, hook_receiver.requests[1].headers)


def test_however_many_processes_look_each_event_is_delivered_once(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    receive_stock(15)

    def work(_: int) -> Any:
        try:
            enqueue_deliveries()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    while send_due():
        pass
    ids = [request.headers["webhook-id"] for request in hook_receiver.requests]
    assert len(ids) == len(set(ids)) == 15


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0.0.0.0/",
        "https://10.1.2.3/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b:1::1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "http://93.184.215.14/",
        "ftp://93.184.215.14/",
        "https://user:pass@93.184.215.14/",
        "https:///",
        "nonsense",
    ],
)
def test_a_webhook_never_goes_into_a_network_that_is_not_public(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        resolve_target(url)
    target = resolve_target("https://93.184.215.14:8443/in?x=1")
    assert (str(target.url), target.host_header) == ("https://93.184.215.14:8443/in?x=1", "93.184.215.14:8443")


def test_an_address_that_has_become_private_since_is_refused_when_it_is_sent(hook_receiver: Receiver) -> None:
    endpoint(hook_receiver.url)
    receive_stock()
    with override_settings(WEBHOOKS_TO_PRIVATE=False):
        send_webhooks()
    assert not hook_receiver.requests
    [attempt] = WebhookDelivery.objects.get().attempts.all()
    assert attempt.error.startswith(str(UnsafeAddress()))
    assert "resolves" not in attempt.error  # names of our own network could be looked up so


def test_staff_make_a_webhook_that_begins_now_and_see_its_secret_once() -> None:
    receive_stock()
    client = clerk("view_webhookendpoint", "add_webhookendpoint", "change_webhookendpoint", "view_storedevent")
    form = {"url": "https://10.0.0.1/", "types": "OrderMade", "active": "on"}
    errors = client.post("/admin/web/webhookendpoint/add/", form).context["adminform"].errors
    assert errors.keys() == {"url", "types"} and "OrderMade" in errors["types"][0]
    assert not WebhookEndpoint.objects.exists()
    form = {"url": "https://93.184.215.14/in", "types": "OrderCreated OrderShipped", "active": "on"}
    shown = client.post("/admin/web/webhookendpoint/add/", form, follow=True).content.decode()
    webhook = WebhookEndpoint.objects.get()
    assert (webhook.owner.username, webhook.cursor) == ("clerk", newest_position())
    path = f"/admin/web/webhookendpoint/{webhook.pk}/change/"
    assert signing.signing_secret(webhook) in shown
    assert signing.signing_secret(webhook) not in client.get(path).content.decode()
    rows = {"action": "rotate_secret", "_selected_action": [str(webhook.pk)]}
    shown = client.post("/admin/web/webhookendpoint/", rows, follow=True).content.decode()
    webhook.refresh_from_db()
    assert webhook.secret_number == 2 and signing.signing_secret(webhook) in shown
    assert Client().get(path).status_code == 302
