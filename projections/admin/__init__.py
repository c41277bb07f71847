"""Admin pages of the read models; Django imports this package at start."""

from projections.admin import (
    market_minutes,
    orders,
    people,
    privacy,
    sales,
    stock,
    trading,
)

__all__ = [
    "market_minutes",
    "orders",
    "people",
    "privacy",
    "sales",
    "stock",
    "trading",
]
