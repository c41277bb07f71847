"""The documents of an order for its customer: its confirmation, the invoice, and a credit note for each refund."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
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
from orders.domain.document_series import DocumentKind, document_number
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
    rates = rates_of(order.lines)
    _add_lines(document, order, [rate.percent for rate in rates])
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
    issued = _find_issued("invoice", order_id, order.reference)
    lines = zip(order.lines, issued.percents_of(order), strict=True)
    context = {"order": order, "lines": lines, "seller": seller(), "document": issued}
    return render(request, "orders/invoice.html", context)


@require_safe
@customer_required
def invoice_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a PDF."""
    order, paid_at = _load_paid_order_or_404(order_id, person)
    issued = _find_issued("invoice", order_id, order.reference)
    document = new_document(f"Invoice {issued.number}", issuer=settings.ORGANISATION, made_at=paid_at)
    document.add_facts(
        [
            *_seller_facts(),
            ("For", order.destination),
            ("Order", order.reference),
            *issued.date_facts,
            ("Ordered", format_date(order.ordered_at)),
            ("Paid, tax point", format_date(paid_at)),
            *([("Shipped", format_date(order.shipped_at))] if order.shipped_at else []),
        ]
    )
    _add_lines(document, order, issued.percents_of(order))
    document.add_facts(
        [
            ("Total", format_money(order.state.total)),
            *_vat_facts(issued.amounts),
            *((f"Paid by {method_name(one.method)}", format_money(one.taken)) for one in order.payments),
            ("Refunded since", format_money(order.refunded)),
        ]
    )
    return document.to_response(f"invoice-{issued.number}.pdf")


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
    context = {
        "order": order,
        "refund": refund,
        "seller": seller(),
        "document": _find_issued("credit-note", refund.event_id, refund.reference),
        "invoice": _find_issued("invoice", order_id, order.reference),
    }
    return render(request, "orders/credit_note.html", context)


@require_safe
@customer_required
def credit_note_pdf(request: HttpRequest, person: UUID, order_id: UUID, number: int) -> HttpResponse:
    """The credit note of one refund as a PDF."""
    order, refund = _load_refund_or_404(order_id, person, number)
    issued = _find_issued("credit-note", refund.event_id, refund.reference)
    document = new_document(f"Credit note {issued.number}", issuer=settings.ORGANISATION, made_at=refund.refunded_at)
    document.add_facts(
        [
            *_seller_facts(),
            ("For", order.destination),
            ("For the order", order.reference),
            ("For the invoice", _find_issued("invoice", order_id, order.reference).number),
            *issued.date_facts,
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
    document.add_facts([(f"Refunded{by}", format_money(refund.amount)), *_vat_facts(issued.amounts)])
    return document.to_response(f"credit-note-{issued.number}.pdf")


class Issued(NamedTuple):
    """What a document says of itself; one from before there were numbers has another reference, and nothing more."""

    number: str
    date: datetime | None = None
    amounts: tuple[VatAmount, ...] = ()
    percents: dict[int, Decimal] = {}

    @property
    def date_facts(self) -> list[tuple[str, str]]:
        return [("Date", format_date(self.date))] if self.date else []

    def percents_of(self, order: CustomerOrder) -> list[Decimal | None]:
        """The rate of each line, where the document says it."""
        return [self.percents.get(number) for number, _ in enumerate(order.lines, start=1)]


def _find_issued(kind: DocumentKind, about: UUID, otherwise: str) -> Issued:
    recorded = find_document(kind, about)
    if recorded is None:
        return Issued(otherwise)
    event = recorded.event
    percents = {rate.line: rate.percent for rate in event.rates}
    return Issued(document_number(event), recorded.meta.occurred_at, event.amounts, percents)


def _seller_facts() -> list[tuple[str, str]]:
    values = seller()
    return [("Seller", f"{values['name']}\n{values['address']}"), ("VAT number", values["vat_number"])]


def _add_lines(document: Document, order: CustomerOrder, percents: Sequence[Decimal | None]) -> None:
    """Add the lines at the prices that include VAT, with its rate."""
    document.add_table(
        ("Item", "Code", "Quantity", "Price", "VAT", "Amount"),
        [
            (
                line.description,
                line.sku,
                str(line.quantity),
                format_money(line.price),
                "" if percent is None else f"{percent} %",
                format_money(line.amount),
            )
            for line, percent in zip(order.lines, percents, strict=True)
        ],
        widths=(38, 16, 12, 13, 8, 13),
        numeric_columns=4,
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
