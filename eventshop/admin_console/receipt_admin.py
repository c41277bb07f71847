"""Receipts: what accepted commands answered, by the order of their events."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.event_admin import stream_link
from eventshop.admin_console.formatting import moment_html
from eventshop.admin_console.keyset_pagination import Cursor, KeysetChangeList
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.search import find_events, events_of_receipt
from eventshop.admin_console.timeline import timeline_rows
from eventshop.admin_console.unfold_adapter import display
from eventshop.eventstore.models import StoredEvent, StoredReceipt


class ReceiptChangeList(KeysetChangeList):
    """Receipts have no index but their command id: the newest are found through the newest events."""

    def fetch_rows(self, cursor: Cursor, count: int) -> list[Any]:
        if self.query:
            return list(self.queryset[:count])
        newest = StoredEvent.objects.only("position", "command_id")
        commands: dict[UUID, int] = {}
        for event in cursor.fetch_rows(newest, "position", 3 * count):
            commands.setdefault(event.command_id, event.position)
        receipts = self.queryset.in_bulk(list(commands)[:count])
        return [receipts[command_id] for command_id in commands if command_id in receipts]


@admin.register(StoredReceipt)
class ReceiptAdmin(ReadOnlyAdmin):
    empty_message = "No command was accepted yet."
    list_display = ("command_id", "kind", "stream", "version", "events", "who", "recorded")
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
            "recorded": moment_html(obj.recorded_at),
            "payload_hash": bytes(obj.payload_hash).hex(),
            "lines": timeline_rows(events[:200]),
        }

    @display(description="command", label=True)
    def kind(self, receipt: StoredReceipt) -> str:
        return receipt.command_type

    @display(description="by")
    def who(self, receipt: StoredReceipt) -> str | SafeString:
        return actor_label(receipt.actor)

    @display(description="stream")
    def stream(self, receipt: StoredReceipt) -> SafeString:
        return stream_link(receipt.aggregate_type, receipt.aggregate_id)

    @display(description="recorded")
    def recorded(self, receipt: StoredReceipt) -> str | SafeString:
        return moment_html(receipt.recorded_at)


def _parse_ids(text: str) -> set[UUID]:
    try:
        return {UUID(text.strip())}
    except ValueError:
        return set()
