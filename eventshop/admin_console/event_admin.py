"""The list of all events, newest first, and the views of a correlation and a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console import catalogue_views, correlation_views, event_detail, trace_view
from eventshop.admin_console.display_names import actor_label, short_name
from eventshop.admin_console.event_filters import (
    SCANNED_POSITIONS,
    ActorFilter,
    CorrelationFilter,
    PayloadFilter,
    is_scan,
)
from eventshop.admin_console.formatting import copy_button, datetime_html
from eventshop.admin_console.keyset_pagination import Cursor, KeysetChangeList
from eventshop.admin_console.list_filters import AggregateTypeFilter, EventTypeFilter, RecordedFilter, event_types_of
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.search import find_events
from eventshop.admin_console.unfold_adapter import display
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.access_log.declarations import Kind, Logged


class EventChangeList(KeysetChangeList):
    """Filters an aggregate type by its event types: (event_type, position) has an index, aggregate_type has none."""

    #: The first position that a scan of this page read; 0 if it was none, or read all.
    scanned_from = 0

    def fetch_rows(self, cursor: Cursor, count: int) -> list[Any]:
        """Within `SCANNED_POSITIONS` of the cursor where no index serves the filters; `scanned_from` leads on."""
        if not is_scan(self.params):
            return super().fetch_rows(cursor, count)
        queryset, newest = self.queryset, newest_position()
        try:
            if cursor.older:
                first = max(0, min(cursor.position, newest + 1) - SCANNED_POSITIONS)
                self.queryset = queryset.filter(position__gte=first)
            else:
                first, last = 0, cursor.position + SCANNED_POSITIONS
                self.queryset = queryset.filter(position__lte=last)
            rows = super().fetch_rows(cursor, count)
        finally:
            self.queryset = queryset
        self.scanned_from = first if len(rows) < count else 0
        return rows

    def count_exported(self, limit: int) -> int | None:
        return None if is_scan(self.params) else super().count_exported(limit)

    @property
    def scan_on_link(self) -> str:
        """Where to look further back; empty unless this page stopped before it was full."""
        return self.get_query_string({"before": self.scanned_from, "after": None}) if self.scanned_from else ""

    def indexed_queries(self) -> Sequence[QuerySet[Any]]:
        aggregate_type, event_type = self.params.get("aggregate"), self.params.get("type")
        if not aggregate_type:
            return [self.queryset]
        names = event_types_of(aggregate_type)
        if event_type or self.query:
            return [self.queryset.filter(event_type__in=names)]
        return [self.queryset.filter(event_type=name) for name in names]


@admin.register(StoredEvent)
class EventAdmin(ReadOnlyAdmin):
    access = Logged(Kind.EVENTS)
    empty_message = "No event was recorded yet."
    list_display = ("position_text", "recording_time", "type_badge", "stream_column", "version_number", "actor_column")
    list_display_links = ("position_text",)
    list_filter = (
        EventTypeFilter,
        AggregateTypeFilter,
        ("recorded_at", RecordedFilter),
        ActorFilter,
        CorrelationFilter,
        PayloadFilter,
    )
    list_filter_submit = True
    search_fields = ("position",)
    search_help_text = "Event, stream, correlation or command id; position; order number"
    sortable_by = ()
    ordering = ("-position",)
    change_list_template = "console/keyset_list.html"
    change_form_template = "console/event.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventChangeList]:
        return EventChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The first page can follow new events."""
        tail = {} if {"before", "after"} & set(request.GET) else {"tail_mark": newest_position()}
        return super().changelist_view(request, {**tail, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (find_events(queryset, search_term) if search_term.strip() else queryset), False

    def get_urls(self) -> list[URLPattern]:
        correlation = self.admin_site.admin_view(correlation_views.correlation_page)
        trace = self.admin_site.admin_view(trace_view.trace_page)
        catalogue = self.admin_site.admin_view(catalogue_views.catalogue_page)
        entry = self.admin_site.admin_view(catalogue_views.entry_page)
        return [
            path("catalogue/", catalogue, {"model_admin": self}, name="catalogue"),
            path("catalogue/<slug:kind>/<str:name>/", entry, {"model_admin": self}, name="catalogue_entry"),
            path("trace/", trace, {"model_admin": self}, name="trace"),
            path("correlation/<uuid:correlation_id>/", correlation, {"model_admin": self}, name="correlation"),
            *super().get_urls(),
        ]

    def detail_context(self, request: HttpRequest, obj: StoredEvent) -> dict[str, Any]:
        return event_detail.event_context(obj)

    @display(description="position", number=True)
    def position_text(self, event: StoredEvent) -> str:
        return f"{event.position:,}"

    @display(description="recorded")
    def recording_time(self, event: StoredEvent) -> str | SafeString:
        return datetime_html(event.recorded_at)

    @display(description="event", label=True)
    def type_badge(self, event: StoredEvent) -> str:
        return event.event_type

    @display(description="stream")
    def stream_column(self, event: StoredEvent) -> SafeString:
        return stream_link(event.aggregate_type, event.aggregate_id)

    @display(description="version", number=True)
    def version_number(self, event: StoredEvent) -> int:
        return event.version

    @display(description="by")
    def actor_column(self, event: StoredEvent) -> str | SafeString:
        return actor_label(event.actor)


def stream_link(aggregate_type: str, aggregate_id: UUID) -> SafeString:
    """A link to the page of a stream."""
    url = reverse("admin:ops_stream_change", args=(aggregate_id,))
    return format_html(
        '<span class="es-nowrap"><a class="es-link" href="{}" title="{}">{}</a> {}</span>',
        url,
        aggregate_id,
        short_name(aggregate_type, aggregate_id),
        copy_button(aggregate_id),
    )
