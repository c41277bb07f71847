"""Every projection of the program: importing this module registers them all."""

from projections import (
    activity_timeline,
    customer_summary,
    daily_sales,
    order_lines,
    order_summary,
    product_sales,
)
from projections.engine.projection import catalogue

__all__ = [
    "activity_timeline",
    "catalogue",
    "customer_summary",
    "daily_sales",
    "order_lines",
    "order_summary",
    "product_sales",
]
