"""What every list of the console has: its tools, its export, pages over large tables, and the sidebar's title."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.cache import add_never_cache_headers

from eventshop.admin_console.csv_lines import MAX_ROWS, list_lines
from eventshop.admin_console.estimated_pagination import BoundedPaginator, CountedChangeList
from eventshop.admin_console.list_state import StatefulChangeList, chosen_columns
from eventshop.admin_console.saved_filters import kept_columns, tools_context
from eventshop.admin_console.sidebar import place_of
from eventshop.admin_console.unfold_adapter import ChangeList, UnfoldModelAdmin
from eventshop.core.request_context import note_access
from eventshop.operations.access_log.declarations import Access, Kind


class WorkListAdmin(UnfoldModelAdmin):
    """A list for work. `ConsoleSite.register` adds it to each admin that does not derive from it."""

    show_full_result_count = False
    list_before_template = "console/list_tools.html"
    show_facets = admin.ShowFacets.NEVER
    list_fullwidth = True
    list_per_page = 50
    paginator = BoundedPaginator
    #: The message of the list while it has no rows.
    empty_message: ClassVar[str] = "There are no rows yet."
    #: What the access log records of these pages; each admin says it.
    access: ClassVar[Access]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CountedChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns that the address chooses, else those that this person keeps."""
        offered = [str(name) for name in super().get_list_display(request)]
        return chosen_columns(request, offered, lambda: kept_columns(request, self.model))

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
        if (rows := cl.count_exported(MAX_ROWS)) is not None:
            response["X-Rows"] = str(rows)  # for the progress that the page shows
        add_never_cache_headers(response)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        place = place_of(self.model)
        title = {"title": place[1]} if place else {}
        tools = tools_context(request, self.model)
        return super().changelist_view(request, {**title, **tools, **(extra_context or {})})
