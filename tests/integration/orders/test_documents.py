"""Invoices and credit notes: one each, numbered without a gap, with seller, rates and amounts."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.datetimes import format_date
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.projections.effects.worker import perform_effects
from eventshop.projections.models import ProjectedEffect
from orders.application.customer_order import load_any_order
from orders.application.documents import find_document, share_of
from orders.domain.commands import CancelOrder, CreateOrder
from orders.domain.document_series import document_number, document_series_id
from orders.domain.vat import VatAmount, included_vat
from orders.models import Product
from tests.support.customers import sign_in_customer
from tests.support.order_payments import order_state, pay_order, pay_refunds
from tests.support.pages import find, texts
from tests.support.sales import LANTERNS, gbp, line
from tests.support.tagged_pdf import read_tags

pytestmark = pytest.mark.usefixtures("clean_database")
BOOK = line("BOOK", 1, gbp("10.00"), "A book")


def paid_order(customer: UUID | None = None) -> UUID:
    order_id = new_id()
    send(CreateOrder(order_id, f"W-{order_id.hex[:5]}", customer, (LANTERNS, BOOK), delivery_address="1 Elm St"))
    pay_order(order_id)
    return order_id


def cancel_and_refund(order_id: UUID) -> None:
    send(CancelOrder(order_id, "changed my mind"))
    pay_refunds(order_id)


def test_each_order_that_is_paid_has_one_invoice_and_the_numbers_have_no_gap() -> None:
    Product.objects.create(sku="BOOK", name="A book", price=Decimal(10), vat_percent=0)
    orders = [paid_order() for _ in range(3)]
    part = new_id()
    send(CreateOrder(part, "W-PART", None, (BOOK,)))
    pay_order(part, amount=gbp("4.00"))
    perform_effects()
    perform_effects()
    numbers = [one.event.number for one in store.get_events(document_series_id("invoice"))]
    assert numbers == [1, 2, 3]
    invoices = [find_document("invoice", order_id) for order_id in orders]
    assert [document_number(one.event) for one in invoices if one] == ["INV-000001", "INV-000002", "INV-000003"]
    assert find_document("invoice", part) is None
    assert invoices[0] is not None
    assert invoices[0].event.amounts == (
        VatAmount(Decimal(20), gbp("16.95"), gbp("3.39"), gbp("20.34")),
        VatAmount(Decimal(0), gbp("10.00"), gbp("0.00"), gbp("10.00")),
    )


def test_an_effect_that_is_repeated_issues_nothing_again() -> None:
    paid_order()
    perform_effects()
    ProjectedEffect.objects.update(state=ProjectedEffect.State.WAITING)
    perform_effects()
    assert len(store.get_events(document_series_id("invoice"))) == 1


def test_an_order_of_an_earlier_release_whose_reference_is_an_email_address_has_an_invoice() -> None:
    order_id = new_id()
    then = Envelope(new_id(), saga_id=new_id())  # what sagas repeat is not judged, as nothing was then
    send(CreateOrder(order_id, "ada@example.org", None, (BOOK,)), envelope=then)
    pay_order(order_id)
    perform_effects()
    [issued] = store.get_events(document_series_id("invoice"))
    assert issued.event.reference == "ada@example.org"


def test_a_refund_has_a_credit_note_and_both_say_who_sells() -> None:
    client, person = sign_in_customer()
    order_id = paid_order(person)
    cancel_and_refund(order_id)
    perform_effects()
    invoice, note = (client.get(f"/orders/{order_id}/{page}/") for page in ("invoice", "credit-notes/1"))
    assert "INV-000001" in invoice.text
    assert "CN-000001" in note.text
    assert "INV-000001" in note.text
    for page in (invoice, note):
        assert "GB000000000" in page.text
        assert "Whitby" in page.text
        assert "£5.06" in page.text
        assert find(page, **{"data-testid": "vat"})
        assert format_date(timezone.now()) in page.text
    assert texts(invoice, **{"data-label": "VAT"}) == ["20 %", "20 %"]
    for file, title in (("invoice.pdf", "Invoice INV-000001"), ("credit-notes/1.pdf", "Credit note CN-000001")):
        tags = read_tags(client.get(f"/orders/{order_id}/{file}").content)
        assert [heading.text for heading in tags.find("/H1")] == [title]
        assert any(item.texts == ["VAT 20 %", "£5.06"] for item in tags.find("/LI"))
    assert order_state(order_id).status == "CANCELLED"


def test_an_order_is_confirmed_by_a_document_at_once_and_to_its_customer_alone() -> None:
    client, person = sign_in_customer()
    order_id = paid_order(person)
    path = f"/orders/{order_id}/confirmation.pdf"
    tags = read_tags(client.get(path).content)
    order = load_any_order(order_id)
    assert order is not None and tags.find("/H1")[0].text == f"Order confirmation {order.reference}"
    assert [row.texts[2] for row in tags.find("/TR")[1:]] == [str(line.quantity) for line in order.lines]
    assert any(item.texts == ["VAT 20 %", "£5.06"] for item in tags.find("/LI"))
    other, _ = sign_in_customer("bob@example.org", "Bob")
    assert (other.get(path).status_code, Client().get(path).status_code) == (404, 302)


def test_a_document_that_has_no_number_yet_shows_that_of_the_order(client: Client) -> None:
    client, person = sign_in_customer()
    order_id = paid_order(person)
    page = client.get(f"/orders/{order_id}/invoice/")
    assert page.status_code == 200
    assert "INV-" not in page.text


def test_a_refund_is_divided_by_rates_and_nothing_is_left_over() -> None:
    invoiced = included_vat([(gbp("10.00"), Decimal(20)), (gbp("20.00"), Decimal(5)), (gbp("3.33"), Decimal(0))])
    shares = share_of(invoiced, gbp("10.01"))
    assert sum(share.gross.amount for share in shares) == Decimal("10.01")
    assert all(share.net + share.vat == share.gross for share in shares)
