"""The webhook thread of a worker sends what happens without being asked, and one receiver holds up no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event as Signal
from threading import Thread

import pytest
from django.contrib.auth.models import User as Login
from django.test import override_settings
from django.utils import timezone

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.tail_reader import newest_position
from eventshop.runtime.wake_signals import wake_all
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.webhooks.delivery import claim_due, seconds_until_due
from eventshop.web.webhooks.worker import WebhookWorker
from orders.domain.commands import ReceiveStock
from tests.support.api_clients import staff
from tests.support.waiting import DEADLINE_S, join_threads, wait_until
from tests.support.webhook_receiver import Receiver, run_receiver

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def hook_receiver() -> Iterator[Receiver]:
    with run_receiver() as server, override_settings(WEBHOOKS_TO_PRIVATE=True):
        yield server


@pytest.fixture
def slow_receiver() -> Iterator[Receiver]:
    with run_receiver() as server:
        yield server


@pytest.fixture
def worker(clean_database: None) -> Iterator[Thread]:
    stop = Signal()
    thread = Thread(target=WebhookWorker().run, args=[stop])
    thread.start()
    yield thread
    assert thread.is_alive()
    stop.set()
    wake_all()
    join_threads(thread)


@pytest.fixture
def owner(clean_database: None) -> Login:
    return staff("integrator", "view_storedevent")


def endpoint(owner: Login, url: str) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(owner=owner, url=url, cursor=newest_position())


def receive_stock(sku: str) -> None:
    command_dispatcher.send(ReceiveStock(sku=sku, quantity=1, reference="D-1"))


@pytest.mark.usefixtures("worker")
def test_events_are_sent_as_they_happen_and_a_failed_one_is_sent_again(hook_receiver: Receiver, owner: Login) -> None:
    endpoint(owner, hook_receiver.url)
    receive_stock("a")
    wait_until(lambda: len(hook_receiver.requests) == 1)
    hook_receiver.answers = [500]
    receive_stock("b")
    failed = WebhookDelivery.objects.filter(tries=1, state="waiting")
    wait_until(failed.exists)
    failed.update(due_at=timezone.now() - timedelta(seconds=1))
    wait_until(lambda: len(hook_receiver.requests) == 3)
    wait_until(lambda: WebhookDelivery.objects.filter(state="delivered").count() == 2)


@pytest.mark.usefixtures("worker")
def test_a_receiver_that_does_not_answer_holds_up_no_other(
    slow_receiver: Receiver, hook_receiver: Receiver, owner: Login
) -> None:
    released = Signal()
    slow_receiver.before_answer = lambda: released.wait(DEADLINE_S)
    endpoint(owner, slow_receiver.url)
    receive_stock("a")
    wait_until(lambda: slow_receiver.requests)
    endpoint(owner, hook_receiver.url)
    for sku in ("b", "c", "d"):
        receive_stock(sku)
    try:
        wait_until(lambda: len(hook_receiver.requests) == 3)
    finally:
        released.set()


def test_an_endpoint_that_is_being_sent_to_is_left_out(owner: Login) -> None:
    busy, free = endpoint(owner, "https://93.184.215.14/a"), endpoint(owner, "https://93.184.215.14/b")
    due = timezone.now() - timedelta(seconds=1)
    for position, webhook in enumerate((busy, free)):
        WebhookDelivery.objects.create(id=webhook.pk, endpoint=webhook, position=position, event_type="e", due_at=due)
    assert seconds_until_due(except_to=[busy.pk, free.pk]) > 10**9
    assert seconds_until_due(except_to=[busy.pk]) <= 0
    assert [delivery.endpoint for delivery in claim_due(except_to=[busy.pk])] == [free]
