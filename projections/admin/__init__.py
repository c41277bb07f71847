"""Admin pages of the read models; Django imports this package at start."""

from projections.admin import (
    accounts,
    market_minutes,
    orders,
    people,
    privacy,
    sales,
    stock,
    trading,
)

__all__ = [
    "accounts",
    "market_minutes",
    "orders",
    "people",
    "privacy",
    "sales",
    "stock",
    "trading",
]
