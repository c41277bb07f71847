"""The documents of an order for its customer: its confirmation, the invoice, and a credit note for each refund."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from eventshop.datetimes import format_date
from eventshop.web.letters.letter import site_url
from eventshop.web.pages.new_document import new_document
from eventshop.web.shared.customer_port import customer_required
from orders.application.customer_order import CustomerOrder
from orders.application.documents import find_document, rates_of
from orders.application.order_refunds import Refund
from orders.application.order_timeline import format_money, method_name
from orders.domain.document_series import DocumentIssued, document_number
from orders.domain.vat import VatAmount, included_vat
from orders.pages.info_views import seller
from orders.pages.order_views import load_order_or_404

if TYPE_CHECKING:
    from eventshop.web.pages.pdf import Document


@require_safe
@customer_required
def confirmation_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The confirmation of an order as a PDF: what was ordered, at which prices, and how it can be undone."""
    order = load_order_or_404(order_id, person)
    document = new_document(
        f"Order confirmation {order.reference}", issuer=settings.ORGANISATION, made_at=order.ordered_at
    )
    document.add_facts(
        [
            *_seller_facts(),
            ("For", order.destination),
            ("Order", order.reference),
            ("Ordered", format_date(order.ordered_at)),
        ]
    )
    _add_lines(document, order)
    rates = rates_of(order.lines)
    included = included_vat((line.amount, rate.percent) for line, rate in zip(order.lines, rates, strict=True))
    document.add_facts([("Total", format_money(order.state.total)), *_vat_facts(included)])
    document.add_paragraph(
        "This confirms your order; it is no invoice. You can cancel it on the order's page until it is shipped, and "
        f"return items afterwards: {site_url(reverse('orders:order', args=[order_id]))}"
    )
    return document.to_response(f"confirmation-{order.reference}.pdf")


@require_safe
@customer_required
def invoice(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a page to print."""
    order, _ = _load_paid_order_or_404(order_id, person)
    document = find_document("invoice", order_id)
    context = {"order": order, "seller": seller(), "document": document, "number": _number(document, order.reference)}
    return render(request, "orders/invoice.html", context)


@require_safe
@customer_required
def invoice_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a PDF."""
    order, paid_at = _load_paid_order_or_404(order_id, person)
    issued = find_document("invoice", order_id)
    number = _number(issued, order.reference)
    document = new_document(f"Invoice {number}", issuer=settings.ORGANISATION, made_at=paid_at)
    document.add_facts(
        [
            *_seller_facts(),
            ("For", order.destination),
            ("Order", order.reference),
            ("Ordered", format_date(order.ordered_at)),
            ("Paid, tax point", format_date(paid_at)),
            *([("Shipped", format_date(order.shipped_at))] if order.shipped_at else []),
        ]
    )
    _add_lines(document, order)
    document.add_facts(
        [
            ("Total", format_money(order.state.total)),
            *_vat_facts(issued.amounts if issued else ()),
            *((f"Paid by {method_name(one.method)}", format_money(one.taken)) for one in order.payments),
            ("Refunded since", format_money(order.refunded)),
        ]
    )
    return document.to_response(f"invoice-{number}.pdf")


def _load_paid_order_or_404(order_id: UUID, person: UUID) -> tuple[CustomerOrder, datetime]:
    """An order that was paid in full, and when; only such an order has an invoice."""
    order = load_order_or_404(order_id, person)
    if order.paid_at is None:
        raise Http404
    return order, order.paid_at


@require_safe
@customer_required
def credit_note(request: HttpRequest, person: UUID, order_id: UUID, number: int) -> HttpResponse:
    """The credit note of one refund as a page to print."""
    order, refund = _load_refund_or_404(order_id, person, number)
    document = find_document("credit-note", refund.event_id)
    context = {
        "order": order,
        "refund": refund,
        "seller": seller(),
        "document": document,
        "number": _number(document, refund.reference),
        "invoice": _number(find_document("invoice", order_id), order.reference),
    }
    return render(request, "orders/credit_note.html", context)


@require_safe
@customer_required
def credit_note_pdf(request: HttpRequest, person: UUID, order_id: UUID, number: int) -> HttpResponse:
    """The credit note of one refund as a PDF."""
    order, refund = _load_refund_or_404(order_id, person, number)
    issued = find_document("credit-note", refund.event_id)
    note_number = _number(issued, refund.reference)
    document = new_document(f"Credit note {note_number}", issuer=settings.ORGANISATION, made_at=refund.refunded_at)
    document.add_facts(
        [
            *_seller_facts(),
            ("For", order.destination),
            ("For the order", order.reference),
            ("For the invoice", _number(find_document("invoice", order_id), order.reference)),
            ("Refunded", format_date(refund.refunded_at)),
            ("Reason", refund.reason),
        ]
    )
    if refund.items:
        document.add_table(
            ("Item", "Code", "Quantity", "Amount"),
            [(item.name, item.sku, str(item.quantity), format_money(item.amount)) for item in refund.items],
            widths=(50, 18, 14, 18),
            numeric_columns=2,
        )
    by = f" by {method_name(refund.method)}" if refund.method else ""
    document.add_facts([(f"Refunded{by}", format_money(refund.amount)), *_vat_facts(issued.amounts if issued else ())])
    return document.to_response(f"credit-note-{note_number}.pdf")


def _number(document: DocumentIssued | None, otherwise: str) -> str:
    """The number of a document; of one that was issued before there were numbers, another reference."""
    return document_number(document) if document else otherwise


def _seller_facts() -> list[tuple[str, str]]:
    values = seller()
    return [("Seller", f"{values['name']}\n{values['address']}"), ("VAT number", values["vat_number"])]


def _add_lines(document: Document, order: CustomerOrder) -> None:
    document.add_table(
        ("Item", "Code", "Quantity", "Price", "Amount"),
        [
            (line.description, line.sku, str(line.quantity), format_money(line.price), format_money(line.amount))
            for line in order.lines
        ],
        widths=(42, 16, 12, 15, 15),
        numeric_columns=3,
    )


def _vat_facts(amounts: tuple[VatAmount, ...]) -> list[tuple[str, str]]:
    return [
        fact
        for one in amounts
        for fact in (
            (f"Without VAT, at {one.percent} %", format_money(one.net)),
            (f"VAT {one.percent} %", format_money(one.vat)),
        )
    ]


def _load_refund_or_404(order_id: UUID, person: UUID, number: int) -> tuple[CustomerOrder, Refund]:
    order = load_order_or_404(order_id, person)
    refund = next((refund for refund in order.refunds if refund.number == number), None)
    if refund is None:
        raise Http404
    return order, refund
