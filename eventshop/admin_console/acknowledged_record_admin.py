"""Foreign records on the topic of events that an operator has acknowledged."""

from __future__ import annotations

from django.contrib import admin

from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import display
from eventshop.messaging.models import AcknowledgedRecord
from eventshop.operations.access_log.declarations import NotLogged


@admin.register(AcknowledgedRecord)
class AcknowledgedRecordAdmin(ReadOnlyAdmin):
    access = NotLogged("places of records on Kafka")
    empty_message = "No foreign record was acknowledged. verify_log names those on the topic, if there are any."
    list_display = ("record", "operator", "reason", "error", "acknowledged")
    search_fields = ("operator", "reason")
    ordering = ("-acknowledged_at",)
    fieldsets = (
        section("Record", "topic", "partition", "offset", "error", "digest", "topic_id"),
        section("Acknowledged", "operator", "reason", "acknowledged_at"),
    )

    @display(description="Record")
    def record(self, row: AcknowledgedRecord) -> str:
        return str(row)

    @display(description="Acknowledged", ordering="acknowledged_at")
    def acknowledged(self, row: AcknowledgedRecord) -> str:
        return datetime_html(row.acknowledged_at)
