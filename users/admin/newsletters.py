"""Newsletters in the admin: staff write one and release it; a periodic job sends it."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from eventshop.admin_console.row_page import section
from eventshop.core.human_text import LINES
from eventshop.formats.form_fields import TextField
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.staff_actors import staff_actor
from users.models import Newsletter

_WRITTEN = ("subject", "text", "is_released")
_PROGRESS = ("sent", "without_ground", "failed", "finished_at", "created_at")


@admin.register(Newsletter)
class NewsletterAdmin(ModelAdmin):  # type: ignore[misc]
    """A released newsletter cannot be changed, and none is deleted: people see that they got it."""

    access = NotLogged("newsletters name nobody")

    list_display = ("subject", "is_released", *_PROGRESS)
    list_filter = ("is_released",)
    fieldsets = (section("Newsletter", *_WRITTEN), section("How it was sent", *_PROGRESS))
    formfield_overrides: ClassVar[dict[type[models.Field[Any, Any]], dict[str, Any]]] = {
        models.CharField: {"form_class": TextField},
        models.TextField: {"form_class": partial(TextField, rule=LINES)},
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*_WRITTEN, *_PROGRESS) if obj and obj.is_released else _PROGRESS

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Newsletter, form: Any, change: bool) -> None:
        obj.created_by = obj.created_by or staff_actor(request.user)
        super().save_model(request, obj, form, change)
