"""The price list in the admin. A new price applies from the next order on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from eventshop.admin_console.formatting import format_amount
from eventshop.admin_console.unfold_adapter import display
from orders.models import Product


@admin.register(Product)
class ProductAdmin(ModelAdmin):  # type: ignore[misc]
    """Names and prices. Stock and orders refer to a product by its code, so the code cannot be changed."""

    list_display = ("name", "sku", "amount", "on_sale")
    list_filter = ("on_sale",)
    search_fields = ("name", "sku")

    @display(description="price", ordering="price")
    def amount(self, product: Product) -> str:
        return format_amount(product.price, product.currency)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("sku",) if obj else ()
