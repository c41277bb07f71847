"""What the retention rules erase next, and the certificates of what they erased."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.row_retention import registered_retentions
from eventshop.privacy import retention_job
from eventshop.privacy.models import RetentionRun

#: Rows that are counted of a table whose own job deletes them.
_COUNTED: Final = 1_000
#: What the list counts of each rule at the most: finding out what holds somebody back takes statements.
_PREVIEWED: Final = 100
#: Such tables with personal data: their jobs are shown beside the rules.
_TABLES: Final = ("remove-old-accesses", "remove-old-requests", "remove-old-admin-log")


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    access = Logged(Kind.ERASURES)
    empty_message = "Nothing was erased by a retention rule yet."
    list_display = ("about", "start_time", "erased", "held", "ended_before", "years")
    list_filter = ("about",)
    ordering = ("-began_at",)
    list_before_template = "console/retention_preview.html"
    fieldsets = (
        section("Rule", "about", "what", "duty", "years"),
        section("What was erased", "ended_before", "erased", "held", "digest"),
        section("Times", "began_at", "finished_at"),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        preview = {"due": retention_job.preview(limit=_PREVIEWED), "tables": _due_rows()}
        return super().changelist_view(request, {**preview, **(extra_context or {})})

    @display(description="Began", ordering="began_at")
    def start_time(self, row: RetentionRun) -> str | SafeString:
        return datetime_html(row.began_at)


def _due_rows() -> list[tuple[str, int, int]]:
    """Of each table with a job of its own: its name, the days that rows are kept, how many are due."""
    shown = [retention for retention in registered_retentions() if retention.name in _TABLES]
    return [
        (
            str(retention.model._meta.verbose_name_plural),
            retention.kept.days,
            retention.expired_rows()[:_COUNTED].count(),
        )
        for retention in shown
    ]
