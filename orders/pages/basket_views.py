"""The basket's pages, and "order again"."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.post_only import post_only
from eventshop.web.shared.customer_port import customer_required
from orders.application import basket as baskets
from orders.models import DeliveryOption, Product
from orders.pages.forms import QuantityForm
from orders.pages.order_views import load_order_or_404


@open_to(Audience.EVERYBODY)
@never_cache
@require_safe
def basket(request: HttpRequest) -> HttpResponse:
    """What is in the basket, and what its delivery costs."""
    shown = baskets.load_basket(request)
    options = DeliveryOption.objects.filter(is_offered=True, currency=shown.total.currency) if shown.total else []
    deliveries = [(option, option.price_for(shown.total)) for option in options if shown.total]
    return render(request, "shop/basket.html", {"basket": shown, "deliveries": deliveries})


@open_to(Audience.EVERYBODY)
@post_only("orders:basket")
def change_basket(request: HttpRequest, sku: str) -> HttpResponse:
    """Change a product's quantity; 0 removes it."""
    form = QuantityForm(request.POST)
    if form.is_valid():
        baskets.set_quantity(request, sku, form.cleaned_data["quantity"])
        messages.success(request, "Your basket was updated.")
    else:
        messages.error(request, f"Enter a number from 0 to {baskets.MAX_QUANTITY}.")
    return redirect("orders:basket")


@require_POST
@customer_required
def order_again(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Put the products of an order into the basket, at today's prices; say which are no longer on sale."""
    lines = [line for line in load_order_or_404(order_id, person).lines if line.kind == "product"]
    on_sale = set(
        Product.objects.filter(sku__in=[line.sku for line in lines], on_sale=True).values_list("sku", flat=True)
    )
    for line in lines:
        if line.sku in on_sale:
            baskets.set_quantity(request, line.sku, baskets.quantity_of(request, line.sku) + line.quantity)
    if missing := [line.description or line.sku for line in lines if line.sku not in on_sale]:
        messages.warning(request, f"No longer on sale: {', '.join(missing[:10])}.")
    return redirect("orders:basket")
