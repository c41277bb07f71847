"""The list of streams, each represented by its first event, and the page of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from eventshop.admin_console import state_comparison
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.keyset_pagination import KeysetChangeList
from eventshop.admin_console.list_filters import AggregateTypeFilter, RecordedFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import find_row_pages
from eventshop.admin_console.search import find_events, parse_uuid
from eventshop.admin_console.state_diff import describe_change
from eventshop.admin_console.timeline import timeline_rows
from eventshop.admin_console.unfold_adapter import display
from eventshop.core.message_registry import registry
from eventshop.core.request_context import note_access
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.models import Stream

#: Events on one page of a stream.
PAGE_SIZE: Final = 50


class StreamChangeList(KeysetChangeList):
    """One query per aggregate type on the index of first events, then the last event of each stream of the page."""

    def indexed_queries(self) -> Sequence[QuerySet[Any]]:
        if self.query:
            return [self.queryset]
        aggregate_type = self.params.get("aggregate")
        names = [aggregate_type] if aggregate_type else sorted(registry.aggregates)
        return [self.queryset.filter(aggregate_type=name) for name in names]

    def load_column_data(self, page: list[Any]) -> list[Any]:
        newest = StoredEvent.objects.filter(aggregate_id=OuterRef("aggregate_id")).order_by("-version")
        firsts = Stream.objects.filter(position__in=[stream.position for stream in page])
        last = dict(firsts.values_list("position", Subquery(newest.values("position")[:1])))
        events = StoredEvent.objects.defer("payload", "metadata").in_bulk(list(last.values()))
        for stream in page:
            stream.last = events[last[stream.position]]
        return page


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin):
    access = Logged(Kind.STREAM)
    empty_message = "No event was recorded yet."
    list_display = (
        "type_badge",
        "aggregate_id",
        "event_count",
        "last_event_type",
        "last_event_time",
        "first_event_time",
    )
    list_display_links = ("aggregate_id",)
    list_filter = (AggregateTypeFilter, ("recorded_at", RecordedFilter))
    list_filter_submit = True
    search_fields = ("aggregate_id",)
    search_help_text = "Stream id, order number, or any id of an event in it"
    sortable_by = ()
    ordering = ("-position",)
    change_list_template = "console/keyset_list.html"
    change_form_template = "console/stream.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(version=1)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StreamChangeList]:
        return StreamChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        events = find_events(StoredEvent.objects.all(), search_term).order_by()
        ids = list(events.values_list("aggregate_id", flat=True).distinct()[: self.list_per_page])
        return queryset.filter(aggregate_id__in=ids), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        aggregate_id = parse_uuid(object_id)
        return self.get_queryset(request).filter(aggregate_id=aggregate_id).first() if aggregate_id else None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(state_comparison.state_comparison_page)
        return [
            path("<uuid:aggregate_id>/past/", view, {"model_admin": self}, name="ops_stream_past"),
            *super().get_urls(),
        ]

    def detail_context(self, request: HttpRequest, obj: Stream) -> dict[str, Any]:
        return stream_context(obj, _parse_version(request.GET.get("version", "")))

    @display(description="type", label=True)
    def type_badge(self, stream: Stream) -> str:
        return stream.aggregate_type

    @display(description="events")
    def event_count(self, stream: Any) -> int:
        return int(stream.last.version)

    @display(description="last event")
    def last_event_type(self, stream: Any) -> str:
        return str(stream.last.event_type)

    @display(description="last recorded")
    def last_event_time(self, stream: Any) -> str | SafeString:
        return datetime_html(stream.last.recorded_at)

    @display(description="first event")
    def first_event_time(self, stream: Stream) -> str | SafeString:
        return datetime_html(stream.recorded_at)


def stream_context(stream: StoredEvent, version: int) -> dict[str, Any]:
    """Template context: the events from `version` on, and the state after the last event shown."""
    events = StoredEvent.objects.filter(aggregate_id=stream.aggregate_id)
    last = events.order_by("-version").values_list("version", "recorded_at").first() or (1, stream.recorded_at)
    length = last[0]
    first = max(1, min(version, length))
    shown = list(events.filter(version__gte=first, version__lt=first + PAGE_SIZE).order_by("version"))
    until = shown[-1].version
    note_access(first=first, last=until, rows=len(shown))
    return {
        "stream": stream,
        "title": stream.aggregate_type,
        "subtitle": str(stream.aggregate_id),
        "length": length,
        "first_recorded": datetime_html(stream.recorded_at),
        "last_recorded": datetime_html(last[1]),
        "rows": timeline_rows(shown),
        "first_shown": first,
        "last_shown": until,
        "previous_version": max(1, first - PAGE_SIZE) if first > 1 else None,
        "next_version": until + 1 if until < length else None,
        "last_page_version": max(1, length - PAGE_SIZE + 1),
        "state_change": describe_change(stream.aggregate_type, stream.aggregate_id, until),
        "row_pages": find_row_pages(stream.aggregate_type, stream.aggregate_id),
    }


def _parse_version(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 1
