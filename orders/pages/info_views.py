"""The pages that the law and customers ask for: terms, delivery, returns, contact."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.operations.rights import Audience, open_to
from orders.models import DeliveryOption


def _render(request: HttpRequest, page: str, **context: Any) -> HttpResponse:
    return render(request, f"shop/{page}.html", {"seller": seller(), **context})


def seller() -> dict[str, str]:
    """Who sells, for pages and documents."""
    return {
        "name": settings.ORGANISATION,
        "address": settings.SELLER_ADDRESS,
        "vat_number": settings.SELLER_VAT_NUMBER,
        "email": settings.SELLER_EMAIL,
        "phone": settings.SELLER_PHONE,
    }


@open_to(Audience.EVERYBODY)
@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """The terms of sale."""
    return _render(request, "terms", deadline_min=settings.PAYMENT_DEADLINE_S // 60)


@open_to(Audience.EVERYBODY)
@require_safe
def delivery(request: HttpRequest) -> HttpResponse:
    """The ways of delivery and their prices."""
    return _render(request, "delivery", options=DeliveryOption.objects.filter(is_offered=True))


@open_to(Audience.EVERYBODY)
@require_safe
def returns(request: HttpRequest) -> HttpResponse:
    """How to return something."""
    return _render(request, "returns", days=settings.RETURN_WINDOW_DAYS)


@open_to(Audience.EVERYBODY)
@require_safe
def contact(request: HttpRequest) -> HttpResponse:
    """Who the seller is, and how to reach them."""
    return _render(request, "contact")
