"""The page with suggestions for a customer who agreed to them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.core.errors import CommandRefused
from eventshop.web.shared.customer_port import customer_required
from orders.application.suggestions import suggest_goods
from orders.models import Product


@require_safe
@customer_required
def suggestions(request: HttpRequest, person: UUID) -> HttpResponse:
    """Goods that others bought with what this person bought; without consent, why there are none."""
    try:
        skus = suggest_goods(person, datetime.now(UTC).date())
    except CommandRefused as refusal:
        return render(request, "shop/suggestions.html", {"refusal": refusal.message})
    products = Product.objects.filter(sku__in=skus, on_sale=True)
    return render(request, "shop/suggestions.html", {"products": sorted(products, key=lambda p: skus.index(p.sku))})
