"""The access log: who read what, through which door, when and why. Searching it is recorded as well."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.keyset_pagination import KeysetChangeList
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import link, section
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, RangeDateFilter, display
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.access_log.subjects import search_condition
from eventshop.operations.models import AccessRecord


class AccessChangeList(KeysetChangeList):
    cursor_field = "id"


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    access = Logged(Kind.ACCESSES)
    empty_message = "Nothing was read yet."
    list_display = ("time", "actor_column", "door", "kind", "target", "span", "filters", "reason")
    list_display_links = ("time",)
    list_filter = (("door", ChoicesDropdownFilter), ("kind", ChoicesDropdownFilter), ("at", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("stream",)
    search_help_text = "User name of staff; id of a person, with all streams of theirs; stream or request id"
    sortable_by = ()
    ordering = ("-id",)
    change_list_template = "console/keyset_list.html"
    fieldsets = (
        section("Who read, and why", "time", "actor_column", "actor", "program", "reason"),
        section("What was read", "kind", "target", "span", "filters"),
        section("Through which door", "door", "route", "request_link"),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AccessChangeList]:
        return AccessChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(search_condition(text)) if text else queryset), False

    @display(description="read")
    def time(self, record: AccessRecord) -> str | SafeString:
        return datetime_html(record.at)

    @display(description="by")
    def actor_column(self, record: AccessRecord) -> str | SafeString:
        label = actor_label(record.actor)
        return format_html("{}, token <code>{}…</code>", label, record.program) if record.program else label

    @display(description="what")
    def target(self, record: AccessRecord) -> str | SafeString:
        if record.stream is None:
            return record.key or EMPTY_VALUE
        url = reverse("admin:ops_stream_change", args=(record.stream,))
        return format_html('<a class="es-link" href="{}"><code>{}</code></a>', url, record.stream)

    @display(description="request")
    def request_link(self, record: AccessRecord) -> str | SafeString:
        if record.request_id is None:
            return EMPTY_VALUE
        return link(f"{reverse('admin:trace')}?id={record.request_id}", str(record.request_id))

    @display(description="span")
    def span(self, record: AccessRecord) -> str:
        """Versions of a stream or positions of the store, and the number of events or rows."""
        span = f"{record.first:,} to {record.last:,}" if record.first is not None and record.last is not None else ""
        count = f"{record.rows:,} read" if record.rows is not None else ""
        return ", ".join(filter(None, (span, count))) or EMPTY_VALUE

    @display(description="reason")
    def reason(self, record: AccessRecord) -> str | SafeString:
        """The reason is in the person's stream, from which an erasure can remove it; this log cannot be changed."""
        if record.command_id is None:
            return EMPTY_VALUE
        url = reverse("admin:store_storedreceipt_change", args=(record.command_id,))
        return format_html('<a class="es-link" href="{}">recorded</a>', url)
