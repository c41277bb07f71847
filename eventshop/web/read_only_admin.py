"""The admin of rows that nobody changes by hand, in the admin pages of the API and the letters."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin


class ReadOnlyModelAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold has no types
    """An admin whose rows nobody can add, change or delete, whatever permissions they have."""

    change_form_template = "console/row.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
