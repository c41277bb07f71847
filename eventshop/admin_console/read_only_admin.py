"""The base of admin pages that show rows and change nothing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.row_page import ROW_TEMPLATE
from eventshop.admin_console.work_list_admin import WorkListAdmin


class ReadOnlyAdmin(WorkListAdmin):
    """Allows viewing only: nobody can add, change or delete, whatever permissions they have."""

    change_form_template = ROW_TEMPLATE
    list_disable_select_all = True

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only conditions on the columns of the list's own filters: any other would tell masked values, bit by bit."""
        column, _, _ = lookup.partition("__")
        try:
            self.model._meta.get_field(column)
        except FieldDoesNotExist:  # the parameter of a filter that is no column; anything else is refused later
            return column != "pk" or lookup == column
        offered = self.get_list_filter(request) if request else self.list_filter
        return column == self.date_hierarchy or any(_is_offered(item, column, lookup) for item in offered)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"title": str(obj), "subtitle": ""} | self.detail_context(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def detail_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Additional template context for the page of a row."""
        return {}


def _is_offered(list_filter: Any, column: str, lookup: str) -> bool:
    """Whether a filter of the list is about this column; one with a parameter of its own takes that alone."""
    if isinstance(list_filter, type):
        return getattr(list_filter, "parameter_name", None) == lookup
    return (list_filter if isinstance(list_filter, str) else list_filter[0]) == column
