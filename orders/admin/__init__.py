"""Admin pages of orders, products and stock; Django imports this package at start."""

from orders.admin import orders, products

__all__ = ["orders", "products"]
