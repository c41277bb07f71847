"""The price list in the admin. A new price applies from the next order on."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from eventshop.admin_console.formatting import format_amount
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.core.human_text import LINES
from eventshop.formats.form_fields import StrictDecimalField, TextField
from eventshop.operations.access_log.declarations import NotLogged
from orders.domain.vat import STANDARD_PERCENT
from orders.models import Category, DeliveryOption, Product


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]
    """Without a rate, the standard rate of VAT applies."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "vat_percent" in self.fields:  # not where the page is only read
            self.fields["vat_percent"].required = False
            self.fields["vat_percent"].help_text += f" Empty: {STANDARD_PERCENT}."

    def clean_vat_percent(self) -> Decimal:
        rate: Decimal | None = self.cleaned_data["vat_percent"]
        return STANDARD_PERCENT if rate is None else rate


@admin.register(Product)
class ProductAdmin(ModelAdmin):  # type: ignore[misc]
    """Names and prices. Stock and orders refer to a product by its code, so the code cannot be changed."""

    access = NotLogged("the price list")

    form = ProductForm
    list_display = ("name", "sku", "category", "amount", "on_sale")
    list_filter = ("on_sale", "category")
    list_select_related = ("category",)
    search_fields = ("name", "sku")
    fieldsets = (
        section("Product", "sku", "name", "description", "category", "on_sale"),
        section("Price", "price", "currency", "vat_percent"),
        section("Picture", "picture", "picture_shows"),
    )
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.CharField: {"form_class": partial(TextField, in_clear=True)},  # orders copy the name
        models.TextField: {"form_class": partial(TextField, rule=LINES)},
    }

    @display(description="price", ordering="price")
    def amount(self, product: Product) -> str:
        return format_amount(product.price, product.currency)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("sku",) if obj else ()


@admin.register(Category)
class CategoryAdmin(ModelAdmin):  # type: ignore[misc]
    """The shelves of the shop. One with products cannot be deleted."""

    access = NotLogged("the shelves of the shop")

    list_display = ("name", "slug", "about", "position")
    fieldsets = (section("Shelf", "name", "slug", "about", "position"),)
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.CharField: {"form_class": TextField},
        models.SlugField: {},
        models.TextField: {"form_class": partial(TextField, rule=LINES)},
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()


@admin.register(DeliveryOption)
class DeliveryOptionAdmin(ModelAdmin):  # type: ignore[misc]
    """The ways of delivery and their prices. Orders copy both."""

    access = NotLogged("the prices of delivery")

    list_display = ("name", "code", "price", "currency", "free_from", "is_offered", "position")
    list_filter = ("is_offered",)
    fieldsets = (
        section("Way of delivery", "name", "code", "about", "is_offered", "position"),
        section("Price", "price", "currency", "free_from"),
    )
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.CharField: {"form_class": partial(TextField, in_clear=True)},  # orders copy the name
        models.SlugField: {},
        models.TextField: {"form_class": partial(TextField, rule=LINES)},
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()
