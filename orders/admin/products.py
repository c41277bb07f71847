"""The price list in the admin: a new price holds from the next order on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from orders.models import Product


@admin.register(Product)
class ProductAdmin(ModelAdmin):  # type: ignore[misc]
    """Names and prices. The code is what stock and orders know a product by, so it stays."""

    list_display = ("name", "sku", "price", "currency", "on_sale")
    list_filter = ("on_sale",)
    search_fields = ("name", "sku")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("sku",) if obj else ()
