"""The customer's pages of one order: pay it, cancel it, return items, and the documents of payments and refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from orders.domain.commands import (
    AcceptReturn,
    CloseReturnWindow,
    CreateOrder,
    DeclineReturn,
    ReceivedLine,
    ReceiveReturn,
    RecordObservedShipment,
    RequestPayment,
    ShipOrder,
)
from orders.domain.events import Line
from orders.domain.payment_decisions import MAX_PAYMENTS
from tests.support.customers import sign_in_customer
from tests.support.order_payments import (
    authorise_payment,
    decline_payment,
    order_state,
    pay_order,
    pay_refunds,
    take_payment,
)
from tests.support.pages import find, texts
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")

MUGS = Line("MUG", "Mug, oat", 2, gbp("12.50"))
FREIGHT = Line("POST", "Parcel", 1, gbp("3.00"), "freight")


def customer_with_order(*lines: Line, **options: Any) -> tuple[Client, UUID]:
    """A customer, and an order of theirs that waits for its payment."""
    client, person = sign_in_customer("ada@example.org", "Ada Łukasz")
    order_id = new_id()
    command = CreateOrder(order_id, "W1", person, lines or (MUGS,), delivery_name="Ada Łukasz", delivery_address="York")
    command_dispatcher.send(command, envelope=Envelope(new_id(), **options))
    return client, order_id


def page_of(client: Client, order_id: UUID, page: str = "") -> Any:
    response = client.get(f"/orders/{order_id}/{page}")
    assert response.status_code == 200
    return response


def post(client: Client, order_id: UUID, page: str, **values: str) -> Any:
    return client.post(f"/orders/{order_id}/{page}/", {"form_id": str(new_id()), **values}, follow=True)


def event_types(order_id: UUID) -> list[str]:
    return [recorded.meta.event_type for recorded in store.get_events(order_id)]


def badge(page: Any) -> str:
    [text] = {element.text for element in find(page) if element.attributes.get("data-testid", "").startswith("state-")}
    return text


# --- paying ------------------------------------------------------------------------------------------------------


def test_an_order_asks_for_its_payment_with_amount_and_deadline(settings: Settings) -> None:
    settings.PAYMENT_DEADLINE_S = 1_800
    client, order_id = customer_with_order()
    page = page_of(client, order_id)
    assert badge(page) == "Waiting for your payment"
    assert texts(page, "outstanding") == ["£25.00"]
    until = store.get_events(order_id)[0].meta.recorded_at + timedelta(minutes=30)
    assert page.context["order"].pay_until == until
    assert f"{timezone.localtime(until):%H:%M}" in texts(page, "payment")[0]
    assert {field.attributes["value"] for field in find(page, name="method")} == {"card", "voucher", "bank_transfer"}


def test_one_button_pays_all_that_is_outstanding_and_sent_twice_it_asks_once() -> None:
    client, order_id = customer_with_order()
    form = {"form_id": str(new_id()), "method": "voucher"}
    client.post(f"/orders/{order_id}/pay/", form)
    page = client.post(f"/orders/{order_id}/pay/", form, follow=True)
    requested = store.get_events(order_id)[-1].event
    assert (event_types(order_id), requested.method) == (["OrderCreated", "PaymentRequested"], "voucher")
    assert requested.amount == gbp("25.00")
    assert "gift voucher" in texts(page, "payment-pending")[0] and not find(page, "payment")
    take_payment(order_id)
    assert badge(page_of(client, order_id)) == "Paid, being packed"


def test_a_declined_payment_is_explained_and_another_try_follows() -> None:
    client, order_id = customer_with_order()
    post(client, order_id, "pay", method="card")
    decline_payment(order_id, "card expired")
    page = page_of(client, order_id)
    assert "card expired" in texts(page, "payment-declined")[0]
    assert texts(page, "outstanding") == ["£25.00"]
    post(client, order_id, "pay", method="bank_transfer")
    take_payment(order_id)
    page = page_of(client, order_id)
    assert badge(page) == "Paid, being packed"
    assert len(texts(page, "PaymentDeclined")) == 1 and "bank transfer" in texts(page, "PaymentProcessed")[0]


def test_an_order_that_takes_no_further_try_says_why() -> None:
    client, order_id = customer_with_order()
    for _ in range(MAX_PAYMENTS):
        command_dispatcher.send(RequestPayment(order_id, "card"))
        decline_payment(order_id)
    page = page_of(client, order_id)
    assert not find(page, "payment") and "too often" in texts(page, "payment-refused")[0]
    assert page.context["order"].can_cancel


def test_an_order_is_paid_in_parts() -> None:
    client, order_id = customer_with_order()
    page = post(client, order_id, "pay", method="voucher", amount="10.00")
    assert "£10.00" in texts(page, "payment-pending")[0]
    take_payment(order_id)
    page = page_of(client, order_id)
    assert (badge(page), texts(page, "outstanding")) == ("Paid in part", ["£15.00"])
    assert "£10.00 is paid" in texts(page, "payment")[0]
    post(client, order_id, "pay", method="card")
    take_payment(order_id)
    invoice = page_of(client, order_id, "invoice/").content.decode()
    assert "Paid by gift voucher" in invoice and "Paid by card" in invoice


@pytest.mark.parametrize("amount", ["0", "-1", "25.01", "1.001", "x", "NaN"])
def test_an_amount_that_cannot_be_paid_is_a_form_error(amount: str) -> None:
    client, order_id = customer_with_order()
    page = client.post(f"/orders/{order_id}/pay/", {"form_id": str(new_id()), "method": "card", "amount": amount})
    assert page.status_code == 200 and page.context["form"].errors["amount"]
    assert event_types(order_id) == ["OrderCreated"]


def test_a_method_that_the_shop_does_not_offer_is_a_form_error() -> None:
    client, order_id = customer_with_order()
    page = client.post(f"/orders/{order_id}/pay/", {"form_id": str(new_id()), "method": "shells"})
    assert page.status_code == 200 and page.context["form"].errors["method"]
    assert event_types(order_id) == ["OrderCreated"]


def test_an_authorised_order_says_so_and_can_be_cancelled() -> None:
    client, order_id = customer_with_order()
    command_dispatcher.send(RequestPayment(order_id, "card"))
    authorise_payment(order_id)
    page = page_of(client, order_id)
    assert badge(page) == "Payment authorised, being packed"
    assert not find(page, "payment") and "authorised" in texts(page, "PaymentAuthorised")[0]
    assert page_of(client, order_id).context["order"].can_cancel
    assert "set aside" in page_of(client, order_id, "cancel/").content.decode()


def test_nothing_is_to_pay_twice() -> None:
    client, order_id = customer_with_order()
    pay_order(order_id)
    page = post(client, order_id, "pay", method="card")
    assert [message.extra_tags for message in page.context["messages"]] == ["not-payable"]
    assert event_types(order_id).count("PaymentRequested") == 1


def test_after_the_deadline_no_payment_is_offered(settings: Settings) -> None:
    settings.PAYMENT_DEADLINE_S = 0
    client, order_id = customer_with_order()
    page = page_of(client, order_id)
    assert find(page, "payment-overdue") and not find(page, "payment")
    post(client, order_id, "pay", method="card")
    assert event_types(order_id) == ["OrderCreated"]


def test_an_order_of_the_past_has_no_deadline_and_is_not_paid_here() -> None:
    client, order_id = customer_with_order(occurred_at=timezone.now() - timedelta(days=3))
    page = page_of(client, order_id)
    assert page.context["order"].pay_until is None and not find(page, "payment")
    command_dispatcher.send(RequestPayment(order_id, "card"))
    page = page_of(client, order_id)
    assert not find(page, "payment-pending") and badge(page) == "Waiting for your payment"


def test_what_was_observed_elsewhere_is_shown_and_not_paid_here() -> None:
    client, order_id = customer_with_order()
    command_dispatcher.send(RecordObservedShipment(order_id, "DHL"))
    page = page_of(client, order_id)
    assert badge(page) == "On its way" and not find(page, "payment")
    assert not find(page, "RuleBroken")  # a matter of the shop


# --- cancelling --------------------------------------------------------------------------------------------------


def test_cancelling_gives_the_money_back_and_is_done_once() -> None:
    client, order_id = customer_with_order()
    pay_order(order_id)
    assert "£25.00" in page_of(client, order_id, "cancel/").content.decode()
    for _ in range(2):
        post(client, order_id, "cancel", reason="I changed my mind")
    page = page_of(client, order_id)
    assert not page.context["order"].can_cancel
    assert "I changed my mind" in texts(page, "OrderCancelled")[0]
    assert not find(page, "PaymentRefunded") and find(page, id="live")[0].attributes["data-live"]
    pay_refunds(order_id)
    page = page_of(client, order_id)
    assert "£25.00" in texts(page, "PaymentRefunded")[0]
    assert "data-live" not in find(page, id="live")[0].attributes
    assert event_types(order_id).count("OrderCancelled") == 1


def test_an_order_that_waits_for_its_payment_can_be_cancelled() -> None:
    client, order_id = customer_with_order()
    post(client, order_id, "cancel", reason="I changed my mind")
    assert badge(page_of(client, order_id)) == "Cancelled"
    assert event_types(order_id) == ["OrderCreated", "OrderCancelled"]


# --- returning ---------------------------------------------------------------------------------------------------


def shipped_order() -> tuple[Client, UUID]:
    client, order_id = customer_with_order(MUGS, FREIGHT)
    pay_order(order_id)
    command_dispatcher.send(ShipOrder(order_id, "Royal Mail", "RM1"))
    return client, order_id


def ask_for_return(client: Client, order_id: UUID, quantity: int = 1) -> str:
    """Ask on the page; gives the reference of the return."""
    post(client, order_id, "return", line_1=str(quantity), reason="broken or faulty")
    return str(order_state(order_id).returns[-1].reference)


def steps(client: Client, order_id: UUID) -> list[tuple[str, str]]:
    """The steps of the newest return: tone and text."""
    return [(step.tone, step.text) for step in page_of(client, order_id).context["order"].returns[-1].steps]


def test_a_return_is_asked_for_and_nothing_comes_back_by_asking() -> None:
    client, order_id = shipped_order()
    form = page_of(client, order_id, "return/").context["form"]
    assert [name for name in form.fields if name.startswith("line_")] == ["line_1"]  # freight is no product
    refused = client.post(
        f"/orders/{order_id}/return/", {"form_id": str(new_id()), "reason": "does not suit me", "line_1": "0"}
    )
    assert refused.context["form"].has_error("__all__", "nothing-to-return")
    assert post(client, order_id, "return", reason="does not suit me", line_1="3").context["form"].errors["line_1"]
    reference = ask_for_return(client, order_id)
    assert event_types(order_id)[-1] == "ReturnRequested"
    assert order_state(order_id).lines_kept[0].quantity == 2
    assert find(page_of(client, order_id), f"return-{reference}")
    assert [tone for tone, _ in steps(client, order_id)] == ["done", "now", "", ""]
    assert page_of(client, order_id, "return/").context["order"].returnable[0].quantity == 1


def test_a_return_is_followed_until_the_money_is_back() -> None:
    client, order_id = shipped_order()
    reference = ask_for_return(client, order_id, 2)
    command_dispatcher.send(AcceptReturn(order_id, reference))
    assert [tone for tone, _ in steps(client, order_id)] == ["done", "done", "now", ""]
    command_dispatcher.send(ReceiveReturn(order_id, reference, (ReceivedLine(1, 1, "damaged"),)))
    assert "1 item, 1 of them damaged" in steps(client, order_id)[2][1]
    assert [tone for tone, _ in steps(client, order_id)] == ["done", "done", "done", "now", "now"]
    pay_refunds(order_id)
    command_dispatcher.send(ReceiveReturn(order_id, reference, (ReceivedLine(1, 1),)))
    pay_refunds(order_id)
    assert [tone for tone, _ in steps(client, order_id)] == ["done"] * 6
    assert [refund.amount for refund in page_of(client, order_id).context["order"].refunds] == [gbp("12.50")] * 2
    assert not page_of(client, order_id).context["order"].can_return


def test_a_declined_return_says_why_and_another_may_be_asked_for() -> None:
    client, order_id = shipped_order()
    command_dispatcher.send(DeclineReturn(order_id, ask_for_return(client, order_id), "it was used"))
    assert steps(client, order_id)[-1] == ("bad", "We declined it: it was used.")
    assert page_of(client, order_id).context["order"].returnable[0].quantity == 2


def test_after_the_window_nothing_can_be_returned() -> None:
    client, order_id = shipped_order()
    command_dispatcher.send(CloseReturnWindow(order_id))
    assert not page_of(client, order_id).context["order"].can_return
    post(client, order_id, "return", line_1="1", reason="does not suit me")
    assert "ReturnRequested" not in event_types(order_id)


# --- documents ---------------------------------------------------------------------------------------------------


def test_an_invoice_comes_with_the_payment_as_page_and_pdf_in_any_letters(caplog: pytest.LogCaptureFixture) -> None:
    client, order_id = customer_with_order()
    assert client.get(f"/orders/{order_id}/invoice/").status_code == 404
    pay_order(order_id, amount=gbp("10.00"))
    assert client.get(f"/orders/{order_id}/invoice/").status_code == 404  # a part is not all
    pay_order(order_id)
    assert page_of(client, order_id, "invoice/").context["order"].destination.startswith("Ada Łukasz")
    assert_is_stable_pdf(client, f"/orders/{order_id}/invoice.pdf")
    assert "Lslash" not in caplog.text


def test_each_refund_has_a_credit_note_as_page_and_pdf() -> None:
    client, order_id = shipped_order()
    reference = ask_for_return(client, order_id)
    command_dispatcher.send(AcceptReturn(order_id, reference))
    command_dispatcher.send(ReceiveReturn(order_id, reference, (ReceivedLine(1, 1),)))
    assert client.get(f"/orders/{order_id}/credit-notes/1/").status_code == 404  # not given back yet
    pay_refunds(order_id)
    assert find(page_of(client, order_id), href=f"/orders/{order_id}/credit-notes/1/")
    note = page_of(client, order_id, "credit-notes/1/").content.decode()
    assert all(text in note for text in ("W1-G1", "Mug, oat", "£12.50", "30 January 2026", "by card"))
    assert_is_stable_pdf(client, f"/orders/{order_id}/credit-notes/1.pdf")
    for number in (0, 2):
        assert client.get(f"/orders/{order_id}/credit-notes/{number}/").status_code == 404


def assert_is_stable_pdf(client: Client, path: str) -> None:
    file = client.get(path)
    assert file.headers["Content-Type"] == "application/pdf"
    assert file.content.startswith(b"%PDF-") and len(file.content) < 100_000
    assert file.content == client.get(path).content
