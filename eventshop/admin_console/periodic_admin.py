"""The work that comes round again: when it is due, and how it went."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone

from eventshop.admin_console.formatting import moment_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.models import PeriodicWork


@admin.register(PeriodicWork)
class PeriodicWorkAdmin(ReadOnlyAdmin):
    empty_message = "No periodic work has run yet. It is started by beat and done by a worker."
    list_display = ("name", "state", "next", "last", "said")
    list_filter = ("failed",)
    search_fields = ("name", "said")
    ordering = ("name",)
    fields = ("name", "state", "due_at", "started_at", "finished_at", "said", "owner", "leased_until")
    readonly_fields = fields

    @display(
        description="State", label={"failed": "danger", "at work": "info", "abandoned": "warning", "waiting": "success"}
    )
    def state(self, row: PeriodicWork) -> str:
        if row.leased_until is not None:
            return "at work" if row.leased_until > timezone.now() else "abandoned"
        return "failed" if row.failed else "waiting"

    @display(description="Due", ordering="due_at")
    def next_run(self, row: PeriodicWork) -> str:
        return moment_html(row.due_at)

    @display(description="Last done", ordering="finished_at")
    def last_run(self, row: PeriodicWork) -> str:
        return moment_html(row.finished_at) if row.finished_at else "never"
