"""Which products were bought together with those of one customer: answers the port of the shop's suggestions."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Count

from projections.models import OrderLine, OrderSummary

#: What is looked at: the customer's newest orders, and this many lines of other orders with the same products.
_OWN_ORDERS: Final = 20
_OWN_PRODUCTS: Final = 20
_LINES: Final = 2_000


def skus_bought_together(customer: UUID, limit: int) -> list[str]:
    """The SKUs in most orders that share a product with the customer's own, without what they have."""
    orders = OrderSummary.objects.filter(customer_id=customer).order_by("-created_at").values_list("pk", flat=True)
    products = OrderLine.objects.filter(kind=OrderLine.Kind.PRODUCT)
    own_lines = products.filter(order_id__in=list(orders[:_OWN_ORDERS]))
    own = list(dict.fromkeys(own_lines.values_list("sku", flat=True)))
    similar = products.filter(sku__in=own[:_OWN_PRODUCTS]).values_list("order_id", flat=True)[:_LINES]
    others = products.filter(order_id__in=list(set(similar))).exclude(sku__in=own)
    counted = others.values("sku").annotate(orders=Count("order_id", distinct=True)).order_by("-orders", "sku")
    return list(counted.values_list("sku", flat=True)[:limit])
