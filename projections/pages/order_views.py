"""Lists for customers, from the read models."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.web.live.subscriptions import Source
from eventshop.web.shared import customer_port, read_your_writes
from eventshop.web.shared.customer_port import customer
from projections.models import OrderSummary, StockLevel

ON_A_PAGE: Final = 20


def on_hand(skus: Collection[str]) -> dict[str, int]:
    """How many pieces of these products can be sold."""
    return dict(StockLevel.objects.filter(sku__in=skus).values_list("sku", "on_hand"))


def marks_of_orders(people: Collection[UUID]) -> dict[UUID, int]:
    """How often anything happened to the orders of these customers that their lists show."""
    rows = OrderSummary.objects.filter(customer_id__in=people)
    sums = rows.values("customer_id").annotate(mark=Sum("last_version")).values_list("customer_id", "mark")
    return {person: mark for person, mark in sums if person}


def _may_follow(request: HttpRequest, person: UUID) -> bool:
    return customer_port.registered().person_of(request.user) == person


#: A customer's list of orders follows its read model.
followed: Final = Source("my-orders", _may_follow, marks_of_orders)


@require_safe
@customer
def my_orders(request: HttpRequest, person: UUID) -> HttpResponse:
    """Everything a customer has ordered, the newest first; it waits for what they have just done."""
    current = read_your_writes.caught_up(request, "order-summary")
    mark = marks_of_orders([person]).get(person, 0)  # before the rows: what comes in between is told once more
    rows = OrderSummary.objects.filter(customer_id=person).order_by("-created_at", "-order_id")
    page = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "orders/my_orders.html", {"page": page, "current": current, "person": person, "mark": mark})
