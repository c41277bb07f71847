"""The pages of one order, for the customer who placed it: state, invoice, cancellation and return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.messages import Envelope
from eventshop.datetimes import format_date
from eventshop.eventstore import command_dispatcher
from eventshop.web.pages.command_form import submit_command
from eventshop.web.pages.pdf import Document
from eventshop.web.shared.customer_port import customer_required
from orders.application.customer_order import CustomerOrder, load_customer_order
from orders.application.order_timeline import format_money
from orders.domain.commands import CancelOrder, OrderCommand, ReturnItems
from orders.pages.forms import CancelForm, ReturnForm


def _load_order_or_404(order_id: UUID, person: UUID) -> CustomerOrder:
    customer_order = load_customer_order(order_id, person)
    if customer_order is None:
        raise Http404
    return customer_order


@require_safe
@customer_required
def order(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The order's page: confirmation and current state."""
    return render(request, "orders/order.html", {"order": _load_order_or_404(order_id, person)})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def cancel(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Cancel an order that was not shipped; a payment is refunded."""
    customer_order = _load_order_or_404(order_id, person)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        if _send(request, person, lambda: CancelOrder(order_id, reason), form.cleaned_data["form_id"]):
            messages.success(request, "The order was cancelled.")
        return redirect("orders:order", order_id)
    return render(request, "orders/cancel.html", {"order": customer_order, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def return_items(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Register a return, with a quantity for each line."""
    customer_order = _load_order_or_404(order_id, person)
    form = ReturnForm(customer_order.state, customer_order.line_names, request.POST or None)
    if form.is_valid():
        form_id, reason = form.cleaned_data["form_id"], form.cleaned_data["reason"]
        number = f"R-{form_id.hex[-10:].upper()}"
        if _send(request, person, lambda: ReturnItems(order_id, number, form.lines, reason), form_id):
            messages.success(request, "The return was registered. We will refund what you paid for these items.")
        return redirect("orders:order", order_id)
    return render(request, "orders/return.html", {"order": customer_order, "form": form})


def _send(request: HttpRequest, person: UUID, command: Callable[[], OrderCommand], form_id: UUID) -> bool:
    envelope = Envelope(command_id=form_id, actor=str(person))
    return submit_command(
        request, lambda: command_dispatcher.send(command(), envelope=envelope), subject="the order is unchanged"
    )


# --- invoice -----------------------------------------------------------------------------------------------------


@require_safe
@customer_required
def invoice(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a page to print."""
    customer_order, _ = _load_paid_order_or_404(order_id, person)
    context = {"order": customer_order, "organisation": settings.ORGANISATION}
    return render(request, "orders/invoice.html", context)


@require_safe
@customer_required
def invoice_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The invoice as a PDF."""
    customer_order, paid_at = _load_paid_order_or_404(order_id, person)
    document = Document(
        f"Invoice {customer_order.opening_event.reference}", issuer=settings.ORGANISATION, made_at=paid_at
    )
    document.add_paragraph(customer_order.destination)
    document.add_facts([("Ordered", format_date(customer_order.ordered_at)), ("Paid", format_date(paid_at))])
    document.add_table(
        ("Item", "Code", "Quantity", "Price", "Amount"),
        [
            (line.description, line.sku, str(line.quantity), format_money(line.price), format_money(line.amount))
            for line in customer_order.opening_event.lines
        ],
        widths=(42, 16, 12, 15, 15),
        numeric_columns=3,
    )
    document.add_facts(
        [
            ("Total", format_money(customer_order.opening_event.total)),
            ("Refunded since", format_money(customer_order.refunded)),
        ]
    )
    return document.to_response(f"invoice-{customer_order.opening_event.reference}.pdf")


def _load_paid_order_or_404(order_id: UUID, person: UUID) -> tuple[CustomerOrder, datetime]:
    """An order that was paid, and when; only such an order has an invoice."""
    customer_order = _load_order_or_404(order_id, person)
    if customer_order.paid_at is None:
        raise Http404
    return customer_order, customer_order.paid_at
