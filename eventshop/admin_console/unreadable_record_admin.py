"""Unreadable records: what readers of the log found that is no event of ours. Its bytes are not shown."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.projections.models import UnreadableRecord


@admin.register(UnreadableRecord)
class UnreadableRecordAdmin(ReadOnlyAdmin):
    access = Logged(Kind.DEAD_LETTERS)
    empty_message = "Every record on the log was an event of ours."
    list_display = ("record", "projection", "error", "size", "find_time")
    list_filter = (ProjectionFilter,)
    sortable_by = ()
    ordering = ("-pk",)
    fields = ("projection", "topic", "partition", "offset", "error", "size", "find_time", "acknowledging")
    readonly_fields = fields

    @display(description="record")
    def record(self, row: UnreadableRecord) -> str:
        return str(row)

    @display(description="bytes")
    def size(self, row: UnreadableRecord) -> str:
        return f"{len(row.key or b'') + len(row.value or b''):,}"

    @display(description="found")
    def find_time(self, row: UnreadableRecord) -> str | SafeString:
        return datetime_html(row.found_at)

    @display(description="to acknowledge it")
    def acknowledging(self, row: UnreadableRecord) -> str:
        return f"python manage.py acknowledge_records {row.partition}@{row.offset} --operator NAME --reason TEXT"
