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
from orders.application.order_refunds import Refund
from orders.application.order_timeline import format_money, method_name
from orders.pages.order_views import load_order_or_404


@require_safe
@customer_required
def invoice(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a page to print."""
    order, _ = _load_paid_order_or_404(order_id, person)
    return render(request, "orders/invoice.html", {"order": order, "organisation": settings.ORGANISATION})


@require_safe
@customer_required
def invoice_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a PDF."""
    order, paid_at = _load_paid_order_or_404(order_id, person)
    document = Document(f"Invoice {order.reference}", issuer=settings.ORGANISATION, made_at=paid_at)
    document.add_paragraph(order.destination)
    document.add_facts([("Ordered", format_date(order.ordered_at)), ("Paid", format_date(paid_at))])
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
            *((f"Paid by {method_name(one.method)}", format_money(one.taken)) for one in order.payments),
            ("Refunded since", format_money(order.refunded)),
        ]
    )
    return document.to_response(f"invoice-{order.reference}.pdf")


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
    context = {"order": order, "refund": refund, "organisation": settings.ORGANISATION}
    return render(request, "orders/credit_note.html", context)


@require_safe
@customer_required
def credit_note_pdf(request: HttpRequest, person: UUID, order_id: UUID, number: int) -> HttpResponse:
    """The credit note of one refund as a PDF."""
    order, refund = _load_refund_or_404(order_id, person, number)
    document = Document(f"Credit note {refund.reference}", issuer=settings.ORGANISATION, made_at=refund.refunded_at)
    document.add_paragraph(order.destination)
    document.add_facts(
        [
            ("For the order", order.reference),
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
    document.add_facts([(f"Refunded{by}", format_money(refund.amount))])
    return document.to_response(f"credit-note-{refund.reference}.pdf")


def _load_refund_or_404(order_id: UUID, person: UUID, number: int) -> tuple[CustomerOrder, Refund]:
    order = load_order_or_404(order_id, person)
    refund = next((refund for refund in order.refunds if refund.number == number), None)
    if refund is None:
        raise Http404
    return order, refund
