"""Staff in a real browser view sagas and payments, follow a trace, and resume a suspended saga."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from playwright.sync_api import Browser, expect

from eventshop.admin_console.saga_admin import RetrySagaForm
from eventshop.operations.attention.models import AttentionItem
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.web.webhooks.signed_notices import InvalidJson, WrongSignature
from orders.models import GatewayMessage, Payment
from orders.payment_gateway import message_log
from tests.support.browser import Visitor, serve
from tests.support.gateway_process import running_gateway
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import load_saga, place_order, receive_stock, run_sagas_until_idle
from tests.support.staff import PASSWORD, actor_of, update_read_models

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

#: Of the windows in which staff work.


@pytest.fixture
def suspended_saga(clean_database: None) -> UUID:
    """An order whose payment was tried as often as it may be, beside one that went well."""
    receive_stock("mug", 9)
    place_order(("mug", 1), method="card", reference="8")
    order_id, bank = place_order(("mug", 2), method="card", reference="7"), InMemoryGateway()
    run_sagas_until_idle(bank)
    bank.is_down = True
    other = place_order(("mug", 3), method="card", reference="9")
    run_sagas_until_idle(bank)
    SagaStep.objects.filter(saga_id=load_saga(other).pk, what="effect").update(attempts=29, looked_at_from=Now())
    run_sagas_until_idle(bank)
    update_read_models()
    assert load_saga(other).status == "stuck" and order_id != other
    return other


@pytest.fixture
def server(suspended_saga: UUID) -> Iterator[str]:
    User.objects.create_superuser("ada", password=PASSWORD)
    key = uuid4()
    Payment.objects.create(key=key, kind="charge", order_id=suspended_saga, amount=600, currency="GBP", method="card")
    message_log.log_refused_response(
        key, InvalidJson(why="JSON is malformed"), b"<!doctype html><title>Maintenance</title>"
    )
    message_log.log_unverified_webhook(WrongSignature())
    with serve() as address:
        yield address


@pytest.mark.phone_first
def test_every_page_is_clean_in_every_window(visitor: Visitor, suspended_saga: UUID) -> None:
    visitor.sign_in("ada", PASSWORD)
    visitor.check_page("dashboard-alert")
    payment = Payment.objects.get()
    message = GatewayMessage.objects.get(code="not-json")
    pages = {
        "sagas": "/admin/process/saga/",
        "saga-groups": "/admin/process/saga/groups/",
        "attention": "/admin/ops/attentionitem/",
        "attention-item": f"/admin/ops/attentionitem/{AttentionItem.objects.latest('pk').pk}/change/",
        "assign": f"/admin/ops/attentionitem/{AttentionItem.objects.latest('pk').pk}/assign",
        "saga": f"/admin/process/saga/{load_saga(suspended_saga).pk}/change/",
        "saga-retry": f"/admin/process/saga/{load_saga(suspended_saga).pk}/retry",
        "trace-empty": "/admin/store/storedevent/trace/",
        "trace": f"/admin/store/storedevent/trace/?id={load_saga(suspended_saga).pk}",
        "story": f"/admin/store/storedevent/correlation/{suspended_saga}/",
        "payments": "/admin/orders/payment/",
        "payment": f"/admin/orders/payment/{payment.pk}/change/",
        "messages": "/admin/orders/gatewaymessage/",
        "message": f"/admin/orders/gatewaymessage/{message.pk}/change/",
    }
    for name, path in pages.items():
        visitor.open(path, name)
    visitor.open("/admin/store/storedevent/trace/?id=nobody", "trace-unknown", status=404)


def test_a_stuck_saga_is_found_on_the_dashboard_and_mended_through_its_dialog(
    visitor: Visitor, suspended_saga: UUID
) -> None:
    visitor.sign_in("ada", PASSWORD)
    page = visitor.page
    page.get_by_role("link", name="Retry, compensate or resolve them").click()
    page.get_by_test_id("saga-group").get_by_role("link").first.click()
    expect(page.get_by_test_id("suspended")).to_be_visible()
    if visitor.width < 1024:
        page.get_by_text("more_horiz").click()  # where a narrow window keeps the buttons
    page.get_by_role("link", name="Retry").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("effect")).to_have_text(RetrySagaForm.effect)
    visitor.check_page("retry-dialog")
    page.get_by_label("Reason").fill("the bank is back")
    page.get_by_role("button", name="Try again").click()
    visitor.expect_success()
    expect(page.get_by_test_id("message-retry")).to_be_visible()
    visitor.check_page("asked")
    assert InboxMessage.objects.get(what="retry").actor == actor_of("ada")
    run_sagas_until_idle(InMemoryGateway())
    page.reload()
    expect(page.get_by_test_id("suspended")).to_have_count(0)
    visitor.check_page("mended")


def test_a_story_is_followed_from_an_id(visitor: Visitor, suspended_saga: UUID) -> None:
    visitor.sign_in("ada", PASSWORD)
    page = visitor.page
    page.goto(visitor.address + "/admin/store/storedevent/trace/")
    page.get_by_label("Any id").fill("9")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Trace as a tree")).to_be_visible()
    rows = page.locator("[data-testid=tree][open]").first.locator("tbody tr")
    fold, second = rows.nth(0).get_by_test_id("fold"), rows.nth(1)
    expect(second).to_be_visible()
    fold.click()
    expect(second).to_be_hidden()
    fold.press("Enter")
    expect(second).to_be_visible()
    expect(page.get_by_role("link", name="TakePayment", exact=True)).to_be_visible()


def test_the_gateways_own_page_is_clean(chrome: Browser, tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        context = chrome.new_context(viewport={"width": 390, "height": 900})
        Visitor(context.new_page(), gateway.url).open("/", "gateway")
        context.close()
