"""The admin of rows that nobody changes by hand, in the admin pages of the API and the letters."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin


class ReadOnlyModelAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold has no types
    """An admin whose rows nobody can add, change or delete, whatever permissions they have."""

    change_form_template = "console/row.html"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {"title": str(obj), "subtitle": ""}
        response: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
