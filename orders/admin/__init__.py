"""Admin pages of orders, products, payments and stock; Django imports this package at start."""

from orders.admin import orders, products
from orders.payment_gateway import admin as payments

__all__ = ["orders", "payments", "products"]
