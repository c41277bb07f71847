"""The documents of an order for its customer: the invoice, and a credit note for each refund, as page and PDF."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.datetimes import format_date
from eventshop.web.pages.pdf import Document
from eventshop.web.shared.customer_port import customer_required
from orders.application.customer_order import CustomerOrder
from orders.application.documents import find_document
from orders.application.order_refunds import Refund
from orders.application.order_timeline import format_money, method_name
from orders.domain.document_series import DocumentIssued, document_number
from orders.pages.info_views import seller
from orders.pages.order_views import load_order_or_404


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
    document = Document(f"Invoice {number}", issuer=settings.ORGANISATION, made_at=paid_at)
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
    document.add_table(
        ("Item", "Code", "Quantity", "Price", "Amount"),
        [
            (line.description, line.sku, str(line.quantity), format_money(line.price), format_money(line.amount))
            for line in order.lines
        ],
        widths=(42, 16, 12, 15, 15),
        numeric_columns=3,
    )
    document.add_facts(
        [
            ("Total", format_money(order.state.total)),
            *_vat_facts(issued),
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
    document = Document(f"Credit note {note_number}", issuer=settings.ORGANISATION, made_at=refund.refunded_at)
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
    document.add_facts([(f"Refunded{by}", format_money(refund.amount)), *_vat_facts(issued)])
    return document.to_response(f"credit-note-{note_number}.pdf")


def _number(document: DocumentIssued | None, otherwise: str) -> str:
    """The number of a document; of one that was issued before there were numbers, another reference."""
    return document_number(document) if document else otherwise


def _seller_facts() -> list[tuple[str, str]]:
    values = seller()
    return [("Seller", f"{values['name']}\n{values['address']}"), ("VAT number", values["vat_number"])]


def _vat_facts(document: DocumentIssued | None) -> list[tuple[str, str]]:
    amounts = document.amounts if document else ()
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
