"""A customer's list of orders, and the look-ups other apps make in the read models of orders and stock."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.web.live.subscriptions import LiveSource
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer_required, is_person
from projections.models import OrderSummary, StockLevel

PAGE_SIZE: Final = 20


def stock_on_hand(skus: Collection[str]) -> dict[str, int]:
    """How many pieces of each product can be sold, by SKU; a product without a row is absent."""
    return dict(StockLevel.objects.filter(sku__in=skus).values_list("sku", "on_hand"))


def skus_in_stock() -> QuerySet[StockLevel, str]:
    """The products with pieces to sell, as a subquery of SKUs."""
    return StockLevel.objects.filter(on_hand__gt=0).values_list("sku", flat=True)


def order_change_marks(people: Collection[UUID]) -> dict[UUID, int]:
    """A number per customer that grows with every change to one of their orders."""
    rows = OrderSummary.objects.filter(customer_id__in=people)
    sums = rows.values("customer_id").annotate(mark=Sum("last_version")).values_list("customer_id", "mark")
    return {person: mark for person, mark in sums if person}


#: Live updates of a customer's list of orders.
order_updates: Final = LiveSource("my-orders", is_person, order_change_marks)


@require_safe
@customer_required
def my_orders(request: HttpRequest, person: UUID) -> HttpResponse:
    """A customer's orders, newest first; waits for the projection so that customers read their own writes."""
    current = read_your_writes.wait_for_last_write(request, "order-summary")
    mark = order_change_marks([person]).get(
        person, 0
    )  # Read before the rows: a change in between is then reported again.
    rows = OrderSummary.objects.filter(customer_id=person).order_by("-created_at", "-order_id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "orders/my_orders.html", {"page": page, "current": current, "person": person, "mark": mark})
