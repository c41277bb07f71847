"""Exchange rates in the admin: staff add them; none is changed or deleted."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.validators import RegexValidator
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from eventshop.admin_console.row_page import ROW_TEMPLATE, section
from eventshop.formats.form_fields import StrictDecimalField, TextField
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.staff_actors import staff_actor
from trading.models import ExchangeRate

_CURRENCY = RegexValidator(r"^[A-Z]{3,5}\Z", "A currency has three to five capital letters")


class CurrencyField(TextField):
    default_validators = [_CURRENCY]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ModelAdmin):  # type: ignore[misc]
    """The newest rate of a pair counts, in either direction."""

    access = NotLogged("exchange rates")
    list_display = ("base", "quote", "rate", "at")
    list_filter = ("base", "quote")
    ordering = ("-at", "-id")
    fieldsets = (section("Exchange rate", "base", "quote", "rate", "at"),)
    change_form_template = ROW_TEMPLATE
    add_form_template = "admin/change_form.html"
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.CharField: {"form_class": CurrencyField},
    }

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.fieldsets, section("Recorded", "recorded_by", "recorded_at")) if obj else self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ExchangeRate, form: Any, change: bool) -> None:
        obj.recorded_by = staff_actor(request.user)
        super().save_model(request, obj, form, change)
