"""The terms of fees in the admin: staff add them; none is changed or deleted."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from eventshop.admin_console.row_page import ROW_TEMPLATE, section
from eventshop.core.errors import EventShopError
from eventshop.formats.form_fields import StrictDecimalField, TextField
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.staff_actors import staff_actor
from trading.application.fee_schedules import check_scope
from trading.models import FeeSchedule


class FeeScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_account_id(self) -> UUID | None:
        account: UUID | None = self.cleaned_data["account_id"]
        self._check(account, "")
        return account

    def clean_instrument(self) -> str:
        code = str(self.cleaned_data["instrument"])
        self._check(None, code)
        return code

    def _check(self, account: UUID | None, code: str) -> None:
        try:
            check_scope(account, code)
        except EventShopError as error:
            raise ValidationError(error.message) from error


@admin.register(FeeSchedule)
class FeeScheduleAdmin(ModelAdmin):  # type: ignore[misc]
    """Terms of an account count before those of an instrument, and those before the ones of all."""

    access = NotLogged("terms of fees")
    form = FeeScheduleForm
    list_display = ("scope", "account_id", "rate", "per_piece", "minimum", "valid_from")
    ordering = ("-valid_from", "-id")
    fieldsets = (
        section("What they are for", "account_id", "instrument", "valid_from"),
        section("Fee", "rate", "per_piece", "minimum"),
    )
    change_form_template = ROW_TEMPLATE
    add_form_template = "admin/change_form.html"
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.DecimalField: {"form_class": StrictDecimalField},
        models.CharField: {"form_class": TextField},
    }

    @admin.display(description="instrument")
    def scope(self, row: FeeSchedule) -> str:
        return str(row)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.fieldsets, section("Recorded", "recorded_by", "recorded_at")) if obj else self.fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: FeeSchedule, form: Any, change: bool) -> None:
        obj.recorded_by = staff_actor(request.user)
        super().save_model(request, obj, form, change)
