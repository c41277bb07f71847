"""Periodic jobs: when each is due and the result of its last run."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.models import PeriodicWork
from eventshop.runtime.leases import is_leased


@admin.register(PeriodicWork)
class PeriodicWorkAdmin(ReadOnlyAdmin):
    access = NotLogged("jobs and their times")
    empty_message = "No periodic job has run yet. Celery beat starts them, and a worker runs them."
    list_display = ("name", "state", "next_run", "last_run", "result_text")
    list_filter = ("failed",)
    search_fields = ("name", "said")
    ordering = ("name",)
    fields = ("name", "state", "due_at", "started_at", "finished_at", "result_text", "owner", "leased_until")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicWork]:
        rows: QuerySet[PeriodicWork] = super().get_queryset(request)
        return rows.annotate(is_leased=is_leased())

    @display(
        description="State", label={"failed": "danger", "running": "info", "abandoned": "warning", "waiting": "success"}
    )
    def state(self, row: Any) -> str:
        if row.leased_until is not None:
            return "running" if row.is_leased else "abandoned"
        return "failed" if row.failed else "waiting"

    @display(description="Due", ordering="due_at")
    def next_run(self, row: PeriodicWork) -> str:
        return datetime_html(row.due_at)

    @display(description="Last run", ordering="finished_at")
    def last_run(self, row: PeriodicWork) -> str:
        return datetime_html(row.finished_at) if row.finished_at else "never"

    @display(description="Result")
    def result_text(self, row: PeriodicWork) -> str:
        return row.said
