"""Staff do each of twenty tasks in at most four clicks from the dashboard, in a shop that has one of everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models.functions import Now
from playwright.sync_api import Browser, Locator, Page, expect

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.access_log.writer import writer as access_log
from eventshop.operations.models import OperatorAction
from eventshop.projections import replays
from eventshop.projections.models import Checkpoint, EventCorrection, Rebuild, SkippedEvent
from eventshop.projections.rebuild import rebuild, request_rebuild
from eventshop.sagas.models import SagaStep
from orders.domain.commands import AcceptReturn, CreateOrder, RequestReturn, ReturnLine
from projections.customer_summary import customer_summary
from projections.models import CustomerSummary, OrderSummary
from projections.order_lines import order_lines
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.browser import Visitor, serve
from tests.support.customers import sign_up
from tests.support.database import empty_tables
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import load_saga, place_order, receive_stock, run_sagas_until_idle
from tests.support.read_models import append
from tests.support.sales import Sale
from tests.support.staff import sign_in, update_read_models
from tests.support.trade_commands import submit_trade
from tests.support.trader import open_account
from tests.support.waiting import DEADLINE_S
from trading.application.first_instruments import add_first_instruments
from users.application.accounts import person_of

pytestmark = [pytest.mark.browser, pytest.mark.long(on="postgres")]

MOST_CLICKS: Final = 4
#: Sales of their own for the tests that change one, and for those that look.
SHIPPED, FIRST, SECOND, REFUNDED, SEEN, SKIPPED, EDITED, ADDRESSED = (Sale(number) for number in range(101, 109))
STUCK: Final = "stuck-9"
REASON: Final = "because of a task"


class Operator:
    """A member of staff at the dashboard; counts each click, and each key that does what a click would."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def click(self, target: Locator) -> None:
        self.clicks += 1
        target.click()

    def press(self, keys: str) -> None:
        self.clicks += 1
        self.page.keyboard.press(keys)

    def choose(self, entry: str) -> None:
        """An entry of the sidebar."""
        self.click(
            self.page.locator("#nav-sidebar-apps").get_by_role("link", name=re.compile(rf"\b{entry}( \d+)?$")).first
        )

    def find(self, text: str, hit: str = "") -> None:
        """Ctrl-K, the text, and the first result that names this."""
        self.press("Control+k")
        self.page.get_by_role("dialog", name="Find anything").get_by_role("searchbox").fill(text)
        self.click(self.page.get_by_test_id("hit").filter(has_text=hit or text).first)

    def open_dialog(self, button: str) -> Locator:
        """The dialog behind a button of a page."""
        self.click(self.page.locator("a[data-dialog]").filter(has_text=re.compile(rf"{button}\s*$")).first)
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        return dialog

    def send(self, dialog: Locator, **values: str) -> None:
        """Fill the fields of a dialog and send it."""
        for name, value in values.items():
            dialog.locator(f"[name={name}]").fill(value)
        self.click(dialog.locator("form button:not([data-close])").last)


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One database for all tasks: they change different rows of it."""
    with django_db_blocker.unblock():
        assert access_log.flush(DEADLINE_S)
        empty_tables()
        cache.clear()
        add_first_instruments()
        yield
        assert access_log.flush(DEADLINE_S)
        empty_tables()


@pytest.fixture(scope="module")
def stuck_order(database: None) -> UUID:
    """An order whose payment was tried as often as it may be."""
    receive_stock("mug", 9)
    bank = InMemoryGateway()
    run_sagas_until_idle(bank)
    bank.is_down = True
    order_id = place_order(("mug", 3), method="card", reference=STUCK)
    run_sagas_until_idle(bank)
    SagaStep.objects.filter(saga_id=load_saga(order_id).pk, what="effect").update(attempts=29, looked_at_from=Now())
    run_sagas_until_idle(bank)
    assert load_saga(order_id).status == "stuck"
    return order_id


@pytest.fixture(scope="module")
def flaky(database: None) -> Iterator[Flaky]:
    """A projection with a dead letter of two causes."""
    for flaky in register_temporarily(Flaky(order_summary)):
        flaky.spoils |= {(SKIPPED.order_id, 2): fail, (EDITED.order_id, 2): fail}
        yield flaky


@pytest.fixture(scope="module")
def shop(flaky: Flaky, stuck_order: UUID) -> Iterator[str]:
    """The program behind a real port, with one of everything that a task is about."""
    User.objects.create_superuser("ada")
    sign_up(name="Grace Marker")
    for sale in (SHIPPED, FIRST, SECOND, REFUNDED, SEEN, SKIPPED, EDITED):
        append(sale.order_id, sale.created, sale.paid)
    append(REFUNDED.order_id, REFUNDED.shipped, REFUNDED.delivered)
    send(RequestReturn(REFUNDED.order_id, "R-1", (ReturnLine(1, 1),), "chipped"))
    send(AcceptReturn(REFUNDED.order_id, "R-1"))
    send(
        CreateOrder(
            ADDRESSED.order_id,
            ADDRESSED.reference,
            person_of(User.objects.get(is_staff=False)),
            ADDRESSED.lines,
            delivery_name="Ada Marker",
        )
    )
    open_account(None)
    submit_trade("T-settle", ("61837.63", "0.02"))
    update_read_models()
    replays.run_replay(replays.request_dry_run("order-lines", requested_by="ada"))
    CustomerSummary.objects.update(orders=77)
    request_rebuild(customer_summary.name, requested_by="ada", reason="drift")
    rebuild(customer_summary, DatabaseEventLog(), requested_by="ada")
    request_rebuild(product_sales.name, requested_by="ada", reason="a new version")
    with serve() as address:
        yield address


@pytest.fixture
def operator(shop: str, chrome: Browser) -> Iterator[Operator]:
    """At the dashboard; the test has at most so many clicks."""
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    visitor = Visitor(context.new_page(), shop)
    visitor.use_session(sign_in(User.objects.get(username="ada")))
    visitor.page.goto(f"{shop}/admin/")
    operator = Operator(visitor.page)
    yield operator
    context.close()
    assert not visitor.complaints
    assert operator.clicks <= MOST_CLICKS


def test_an_order_is_found_by_a_part_of_its_number(operator: Operator) -> None:
    operator.find(SEEN.reference[-3:], SEEN.reference)
    expect(operator.page.get_by_role("heading", name=f"Order {SEEN.reference}").first).to_be_visible()


def test_a_person_is_found_by_name_which_is_recorded(operator: Operator) -> None:
    page = operator.page
    operator.press("Control+k")
    page.get_by_role("dialog", name="Find anything").get_by_role("searchbox").fill("grace marker")
    operator.click(page.get_by_test_id("ask-people"))
    page.locator("[name=reason]").fill(REASON)
    operator.click(page.get_by_role("button", name="Find people"))
    operator.click(page.get_by_test_id("hit").first)
    expect(page.get_by_role("heading", name="Consents")).to_be_visible()
    assert StoredEvent.objects.filter(event_type="DataAccessed").exists()


def test_an_order_is_shipped(operator: Operator) -> None:
    operator.find(SHIPPED.reference)
    operator.send(operator.open_dialog("Ship"), carrier="Royal Mail", tracking="RM 9")
    expect(operator.page.get_by_test_id("events-behind-1")).to_be_visible()
    assert event_types(SHIPPED)[-1] == "OrderShipped"


def test_orders_are_shipped_together(operator: Operator) -> None:
    """The list's own boxes choose; they are no steps."""
    page = operator.page
    operator.choose("Orders")
    for sale in (FIRST, SECOND):
        page.locator("#result_list tr").filter(has_text=sale.reference).locator("input.action-select").check()
    page.locator("select[name=action]").select_option("ship_selected")
    operator.click(page.locator("button[name=index]"))
    page.locator("[name=carrier]").fill("Royal Mail")
    operator.click(page.get_by_role("button", name="Ship 2 orders"))
    expect(page.get_by_text("2 shipped")).to_be_visible()
    assert event_types(FIRST)[-1] == event_types(SECOND)[-1] == "OrderShipped"


def test_a_return_that_arrived_is_refunded(operator: Operator) -> None:
    operator.find(REFUNDED.reference)
    operator.send(operator.open_dialog("Receive return"))
    expect(operator.page.get_by_test_id(re.compile("events-behind-"))).to_be_visible()
    assert "RefundRequested" in event_types(REFUNDED)


def test_why_an_order_is_stuck(operator: Operator) -> None:
    operator.find(STUCK)
    operator.click(operator.page.get_by_test_id("sagas").get_by_role("link").first)
    expect(operator.page.get_by_test_id("suspended")).to_contain_text("TakePayment")


def test_what_caused_an_event(operator: Operator) -> None:
    operator.find(STUCK)
    operator.click(operator.page.get_by_test_id("stream-links").get_by_role("link", name="Trace"))
    expect(operator.page.get_by_role("link", name="RequestPayment")).to_be_visible()


def test_how_far_behind_a_projection_is(operator: Operator) -> None:
    operator.choose("Projections")
    row = operator.page.locator("#result_list tr").filter(has_text="order-summary").first
    expect(row.locator(".field-events_behind")).to_have_text(re.compile(r"\d"))


def test_a_projection_is_rebuilt_and_watched(operator: Operator) -> None:
    operator.choose("Projections")
    operator.click(operator.page.locator("#result_list").get_by_role("link", name="order-lines", exact=True))
    operator.send(operator.open_dialog("Rebuild"), reason=REASON)
    expect(operator.page.get_by_test_id("rebuild-requested")).to_be_visible()
    assert rebuild(order_lines, DatabaseEventLog(), requested_by="ada").reason == REASON
    expect(operator.page.get_by_test_id("rebuild-done")).to_be_visible()  # without another click


def test_a_rebuild_is_cancelled(operator: Operator) -> None:
    job = open_rebuild(operator, product_sales.name)
    operator.send(operator.open_dialog("Cancel"), reason=REASON)
    expect(operator.page.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()
    job.refresh_from_db()
    assert job.state == Rebuild.State.CANCELLED


def test_a_switch_is_undone(operator: Operator) -> None:
    job = open_rebuild(operator, customer_summary.name)
    operator.send(operator.open_dialog("Undo the switch"), reason=REASON)
    expect(operator.page.get_by_role("heading", name=f"Undo in {customer_summary.name}").first).to_be_visible()
    assert job.undone_by.exists()


def test_yesterday_is_compared_with_now(operator: Operator) -> None:
    operator.find(SEEN.reference)
    operator.click(operator.page.get_by_role("link", name="Yesterday against now"))
    expect(operator.page.get_by_test_id("changed-field").filter(has_text="PENDING")).to_contain_text("PAID")


def test_a_row_is_repaired(operator: Operator) -> None:
    OrderSummary.objects.filter(pk=SEEN.order_id).update(carrier="wrong")
    operator.find(SEEN.reference)
    operator.send(operator.open_dialog("Repair from events"), reason=REASON)
    expect(operator.page.get_by_test_id("replay-requested")).to_be_visible()
    for job in replays.pending_replays():
        replays.run_replay(job)
    expect(operator.page.get_by_test_id("replay-done")).to_be_visible()
    assert not OrderSummary.objects.get(pk=SEEN.order_id).carrier


def test_a_dead_letter_is_skipped(operator: Operator) -> None:
    open_dead_letter(operator, SKIPPED)
    operator.send(operator.open_dialog("Skip"), reason=REASON)
    expect(operator.page.get_by_text("is skipped")).to_be_visible()
    assert SkippedEvent.objects.get().reason == REASON


def test_a_dead_letter_is_edited(operator: Operator) -> None:
    open_dead_letter(operator, EDITED)
    operator.send(operator.open_dialog("Correct"), fields_json='{"method": "invoice"}', reason=REASON)
    expect(operator.page.get_by_role("heading", name="Correction of PaymentProcessed").first).to_be_visible()
    assert EventCorrection.objects.get().reason == REASON


def test_a_projection_is_paused_for_a_deployment(operator: Operator) -> None:
    operator.choose("Projections")
    operator.click(operator.page.locator("#result_list").get_by_role("link", name="stock-level", exact=True))
    operator.send(operator.open_dialog("Pause"), reason=REASON)
    expect(operator.page.get_by_text("is paused")).to_be_visible()
    assert Checkpoint.objects.get(projection="stock-level").paused


def test_rows_are_published_again(operator: Operator) -> None:
    """Here there is no Kafka, and the dialog says so; tests of Kafka's page publish."""
    operator.choose("Kafka and outbox")
    dialog = operator.open_dialog("Publish rows again")
    dialog.locator("[name=projection]").select_option("stock-level")
    operator.click(dialog.get_by_label("Publish them now"))
    operator.send(dialog, reason=REASON)
    expect(operator.page.get_by_role("alert")).to_contain_text("PostgreSQL and Kafka")


def test_an_address_is_revealed_which_is_recorded(operator: Operator) -> None:
    operator.find(ADDRESSED.reference)
    operator.click(operator.page.get_by_test_id("address").get_by_role("link"))
    operator.send(operator.page.get_by_role("dialog"), reason=REASON)
    expect(operator.page.get_by_text("Ada Marker")).to_be_visible()
    assert OperatorAction.objects.filter(reason=REASON).exists()


def test_a_trade_is_settled(operator: Operator) -> None:
    operator.find("T-settle")
    operator.send(operator.open_dialog("Settle"), reason=REASON)
    operator.page.get_by_text("settled").first.wait_for()
    assert StoredEvent.objects.filter(event_type="TradeSettled").exists()


def test_the_filtered_rows_are_exported(operator: Operator) -> None:
    operator.click(operator.page.get_by_role("link", name="Paid", exact=True))
    with operator.page.expect_download() as download:
        operator.click(operator.page.get_by_test_id("export"))
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert SEEN.reference in "".join(lines)
    assert STUCK not in "".join(lines)  # which is not paid


def open_rebuild(operator: Operator, projection: str) -> Rebuild:
    """The page of the newest rebuild of a projection."""
    operator.choose("Rebuilds")
    operator.click(operator.page.locator("#result_list").get_by_role("link", name=projection, exact=True).first)
    return Rebuild.objects.filter(projection=projection, undoes=None).latest("pk")


def open_dead_letter(operator: Operator, sale: Sale) -> None:
    """The page of the dead letter of a sale."""
    operator.choose("Dead letters")
    row = operator.page.locator("#result_list tr").filter(has_text=str(sale.order_id)[-8:])
    operator.click(row.get_by_role("link", name="PaymentProcessed"))


def event_types(sale: Sale) -> list[str]:
    events = StoredEvent.objects.filter(aggregate_id=sale.order_id)
    return list(events.order_by("version").values_list("event_type", flat=True))
