"""Admin pages of the read models; Django imports this package at start."""

from projections import lineage  # noqa: F401  (registers which rows an event changes)
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
