"""The base of admin pages that show rows and change nothing."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers

from eventshop.admin_console.csv_lines import list_lines
from eventshop.admin_console.estimated_pagination import CountedChangeList
from eventshop.admin_console.list_state import StatefulChangeList, chosen_columns
from eventshop.admin_console.row_page import ROW_TEMPLATE
from eventshop.admin_console.sidebar import place_of
from eventshop.admin_console.unfold_adapter import ChangeList, UnfoldModelAdmin
from eventshop.core.request_context import note_access
from eventshop.operations.access_log.declarations import Access, Kind


class ReadOnlyAdmin(UnfoldModelAdmin):
    """Allows viewing only: nobody can add, change or delete, whatever permissions they have."""

    show_full_result_count = False
    list_before_template = "console/list_tools.html"
    change_form_template = ROW_TEMPLATE
    show_facets = admin.ShowFacets.NEVER
    list_fullwidth = True
    list_per_page = 50
    list_disable_select_all = True
    #: The message of the list while it has no rows.
    empty_message: ClassVar[str] = "There are no rows yet."
    #: What the access log records of these pages; each admin says it.
    access: ClassVar[Access]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CountedChangeList

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

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns that the address chooses."""
        return chosen_columns(request, [str(name) for name in super().get_list_display(request)])

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        view.model_admin = self  # type: ignore[attr-defined]
        return [path("csv/", view, name=f"{self.opts.app_label}_{self.opts.model_name}_csv"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows with these filters, in the same order and columns, as a CSV file. It is streamed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            cl = cast(StatefulChangeList, self.get_changelist_instance(request))
        except (IncorrectLookupParameters, OverflowError, DataError):
            return HttpResponseRedirect(f"../?{ERROR_FLAG}=1")
        note_access(kind=Kind.EXPORT)
        response = StreamingHttpResponse(list_lines(cl), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}.csv"'
        add_never_cache_headers(response)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        place = place_of(self.model)
        title = {"title": place[1]} if place else {}
        return super().changelist_view(request, {**title, **(extra_context or {})})

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
