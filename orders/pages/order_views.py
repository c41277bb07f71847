"""The page of one order for the customer who placed it, and its cancellation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.web.pages.command_form import submit_command
from eventshop.web.shared.customer_port import customer_required
from orders.application.customer_order import CustomerOrder, load_customer_order
from orders.domain.commands import CancelOrder, OrderCommand
from orders.pages.forms import CancelForm, payment_buttons

#: Of a cancellation whose customer gave none.
NO_REASON: Final = "no reason given"


def load_order_or_404(order_id: UUID, person: UUID) -> CustomerOrder:
    """This customer's order. Raises `Http404` for an unknown order and for another customer's."""
    order = load_customer_order(order_id, person)
    if order is None:
        raise Http404
    return order


@require_safe
@customer_required
def order(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The order's page: its state, and what its customer can do next."""
    shown = load_order_or_404(order_id, person)
    buttons = payment_buttons() if shown.can_pay else []
    return render(request, "orders/order.html", {"order": shown, "payment_buttons": buttons})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def cancel(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Cancel an order that was not shipped; what was paid is refunded."""
    shown = load_order_or_404(order_id, person)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        reason = form.cleaned_data["reason"] or NO_REASON
        if send_for_customer(request, person, lambda: CancelOrder(order_id, reason), form.cleaned_data["form_id"]):
            messages.success(request, "The order was cancelled.")
        return redirect("orders:order", order_id)
    return render(request, "orders/cancel.html", {"order": shown, "form": form})


def send_for_customer(request: HttpRequest, person: UUID, command: Callable[[], OrderCommand], form_id: UUID) -> bool:
    """Send a customer's command under the id of its form; False if it was refused, with a message that says why."""
    envelope = Envelope(command_id=form_id, actor=str(person))
    return submit_command(request, lambda: command_dispatcher.send(command(), envelope=envelope), subject="the order")
