"""A customer asks to return items of an order, with a quantity for each line."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from eventshop.web.shared.customer_port import customer_required
from orders.domain.commands import RequestReturn
from orders.pages.forms import ReturnForm
from orders.pages.order_views import load_order_or_404, send_for_customer


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def request_return(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Ask for a return. Nothing is refunded until the shop has accepted it and received the items."""
    order = load_order_or_404(order_id, person)
    form = ReturnForm(order.returnable, order.line_names, request.POST or None)
    if form.is_valid():
        form_id, reason = form.cleaned_data["form_id"], form.cleaned_data["reason"]
        reference = f"R-{form_id.hex[-10:].upper()}"
        if send_for_customer(request, person, lambda: RequestReturn(order_id, reference, form.lines, reason), form_id):
            messages.success(request, "We have your request. You will find our answer on this page.")
        return redirect("orders:order", order_id)
    return render(request, "orders/return.html", {"order": order, "form": form})
