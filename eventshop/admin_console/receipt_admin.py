"""The list of command receipts, ordered by the positions of their events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.event_admin import stream_link
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.keyset_pagination import Cursor, KeysetChangeList
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.search import events_of_receipt, find_events, parse_uuid
from eventshop.admin_console.timeline import timeline_rows
from eventshop.admin_console.unfold_adapter import display
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.access_log.declarations import Kind, Logged


class ReceiptChangeList(KeysetChangeList):
    """Finds the newest receipts through the newest events: the only index of receipts is the command id."""

    def fetch_rows(self, cursor: Cursor, count: int) -> list[Any]:
        if self.query:
            return list(self.queryset[:count])
        events = StoredEvent.objects.only("position", "command_id")
        positions: dict[UUID, int] = {}
        for event in cursor.fetch_rows(events, "position", 3 * count):
            positions.setdefault(event.command_id, event.position)
        receipts = self.queryset.in_bulk(list(positions)[:count])
        return [receipts[command_id] for command_id in positions if command_id in receipts]


@admin.register(StoredReceipt)
class ReceiptAdmin(ReadOnlyAdmin):
    access = Logged(Kind.RECEIPTS)
    empty_message = "No command was accepted yet."
    list_display = ("command_id", "type_badge", "stream_column", "version", "events", "actor_column", "recording_time")
    list_display_links = ("command_id",)
    search_fields = ("command_id",)
    search_help_text = "Command id, or an id of one of its events"
    sortable_by = ()
    change_list_template = "console/keyset_list.html"
    change_form_template = "console/receipt.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ReceiptChangeList]:
        return ReceiptChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        events = find_events(StoredEvent.objects.all(), search_term).order_by("-position")
        ids = set(events.values_list("command_id", flat=True)[: self.list_per_page])
        return queryset.filter(command_id__in=ids | _parse_ids(search_term)), False

    def detail_context(self, request: HttpRequest, obj: StoredReceipt) -> dict[str, Any]:
        events = events_of_receipt(StoredEvent.objects.all(), obj).order_by("version")
        return {
            "receipt": obj,
            "title": obj.command_type,
            "subtitle": str(obj.command_id),
            "stream": stream_link(obj.aggregate_type, obj.aggregate_id),
            "recorded": datetime_html(obj.recorded_at),
            "payload_hash": bytes(obj.payload_hash).hex(),
            "rows": timeline_rows(events[:200]),
        }

    @display(description="command", label=True)
    def type_badge(self, receipt: StoredReceipt) -> str:
        return receipt.command_type

    @display(description="by")
    def actor_column(self, receipt: StoredReceipt) -> str | SafeString:
        return actor_label(receipt.actor)

    @display(description="stream")
    def stream_column(self, receipt: StoredReceipt) -> SafeString:
        return stream_link(receipt.aggregate_type, receipt.aggregate_id)

    @display(description="recorded")
    def recording_time(self, receipt: StoredReceipt) -> str | SafeString:
        return datetime_html(receipt.recorded_at)


def _parse_ids(text: str) -> set[UUID]:
    command_id = parse_uuid(text.strip())
    return {command_id} if command_id else set()
