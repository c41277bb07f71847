"""One order, for the customer who placed it: how it stands, its invoice, and what can still be changed."""

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
from orders.application.order_timeline import CustomerOrder, format_money, load_customer_order
from orders.domain.commands import CancelOrder, OrderCommand, ReturnItems
from orders.pages.forms import CancelForm, ReturnForm


def _load_order_or_404(order_id: UUID, person: UUID) -> CustomerOrder:
    found = load_customer_order(order_id, person)
    if found is None:
        raise Http404
    return found


@require_safe
@customer_required
def order(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Confirmation and state in one: it can be kept as a bookmark."""
    return render(request, "orders/order.html", {"order": _load_order_or_404(order_id, person)})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def cancel(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Cancel what has not left yet; what was paid comes back."""
    found = _load_order_or_404(order_id, person)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        if _send(request, person, lambda: CancelOrder(order_id, reason), form.cleaned_data["form_id"]):
            messages.success(request, "The order is cancelled.")
        return redirect("orders:order", order_id)
    return render(request, "orders/cancel.html", {"order": found, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def return_items(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Send pieces back, line by line."""
    found = _load_order_or_404(order_id, person)
    form = ReturnForm(found.state, found.line_names, request.POST or None)
    if form.is_valid():
        form_id, reason = form.cleaned_data["form_id"], form.cleaned_data["reason"]
        number = f"R-{form_id.hex[-10:].upper()}"
        if _send(request, person, lambda: ReturnItems(order_id, number, form.lines, reason), form_id):
            messages.success(request, "The return is registered, and you get your money back.")
        return redirect("orders:order", order_id)
    return render(request, "orders/return.html", {"order": found, "form": form})


def _send(request: HttpRequest, person: UUID, command: Callable[[], OrderCommand], form_id: UUID) -> bool:
    envelope = Envelope(command_id=form_id, actor=str(person))
    return submit_command(request, lambda: command_dispatcher.send(command(), envelope=envelope), state="the order stands")


# --- invoice -----------------------------------------------------------------------------------------------------


@require_safe
@customer_required
def invoice(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """What was bought at which price: to print."""
    found, _ = _load_paid_order_or_404(order_id, person)
    context = {"order": found, "organisation": settings.ORGANISATION}
    return render(request, "orders/invoice.html", context)


@require_safe
@customer_required
def invoice_pdf(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The same to keep."""
    found, paid_at = _load_paid_order_or_404(order_id, person)
    document = Document(f"Invoice {found.opening_event.reference}", issuer=settings.ORGANISATION, made_at=paid_at)
    document.add_paragraph(found.destination)
    document.add_facts([("Ordered", format_date(found.ordered_at)), ("Paid", format_date(paid_at))])
    document.add_table(
        ("Item", "Code", "Pieces", "Price", "Amount"),
        [(it.description, it.sku, str(it.quantity), format_money(it.price), format_money(it.amount)) for it in found.opening_event.lines],
        widths=(42, 16, 12, 15, 15),
        numeric_columns=3,
    )
    document.add_facts([("Total", format_money(found.opening_event.total)), ("Given back since", format_money(found.refunded))])
    return document.to_response(f"invoice-{found.opening_event.reference}.pdf")


def _load_paid_order_or_404(order_id: UUID, person: UUID) -> tuple[CustomerOrder, datetime]:
    """An order that has an invoice, and since when."""
    found = _load_order_or_404(order_id, person)
    if found.paid_at is None:
        raise Http404
    return found, found.paid_at
