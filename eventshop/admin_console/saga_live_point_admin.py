"""Where the past of each kind of saga ends, and who is still muted."""

from __future__ import annotations

from django.contrib import admin

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.sagas import live_points
from eventshop.sagas.models import SagaLivePoint


@admin.register(SagaLivePoint)
class SagaLivePointAdmin(ReadOnlyAdmin):
    access = NotLogged("positions of kinds of sagas")
    empty_message = "No saga worker has started yet."
    list_display = ("saga", "progress", "past", "reason", "actor", "set_time")
    ordering = ("kind", "version")
    fieldsets = (
        section("Kind of saga", "kind", "version", "progress"),
        section("Its past", "live_from", "routed_to", "past", "restoring", "live_at"),
        section("Who set it", "operator", "reason", "set_at"),
    )

    @display(description="saga")
    def saga(self, point: SagaLivePoint) -> str:
        return str(point)

    @display(description="state")
    def progress(self, point: SagaLivePoint) -> str:
        return live_points.describe(point)

    @display(description="set by")
    def operator(self, point: SagaLivePoint) -> str:
        return actor_label(point.actor)

    @display(description="set")
    def set_time(self, point: SagaLivePoint) -> str:
        return datetime_html(point.set_at)
