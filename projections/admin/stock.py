"""Stock levels, and the movements of each product."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.registry import Link
from eventshop.admin_console.unfold_adapter import RangeNumericFilter, display
from projections.admin.related import may_see
from projections.admin.search import SearchBySku
from projections.models import ActivityTimeline, StockLevel

#: Movements on the page of a product, newest first; its stream page has the rest.
MAX_MOVEMENTS = 100


@admin.register(StockLevel)
class StockLevelAdmin(SearchBySku):
    empty_message = "No stock movement was recorded yet."
    list_display = (
        "sku",
        "on_hand_text",
        "reserved",
        "dispatched",
        "received",
        "written_off",
        "refusals",
        "last_movement_time",
    )
    list_filter = (("on_hand", RangeNumericFilter),)
    list_filter_submit = True
    sortable_by = ("sku", "on_hand_text", "last_movement_time")
    ordering = ("-updated_at",)
    change_list_template = "projections/list.html"
    change_form_template = "projections/stock.html"

    def detail_context(self, request: HttpRequest, obj: StockLevel) -> dict[str, Any]:
        movements = ActivityTimeline.objects.filter(aggregate_id=obj.stock_item_id).order_by("-version")[:MAX_MOVEMENTS]
        return {
            "stock": obj,
            "title": f"Stock of {obj.sku}",
            "subtitle": f"{obj.on_hand:,} on hand" if obj.counted else "not counted",
            "times": [
                (text, datetime_html(time))
                for text, time in (("Last received", obj.received_at), ("Last refused", obj.refused_at))
                if time is not None
            ],
            "may_see_movements": may_see(request, ActivityTimeline),
            "movements": [
                (row, datetime_html(row.at)) for row in (movements if may_see(request, ActivityTimeline) else ())
            ],
        }

    @display(description="on hand", ordering="on_hand", number=True)
    def on_hand_text(self, stock: StockLevel) -> str:
        return f"{stock.on_hand:,}" if stock.counted else EMPTY_VALUE

    @display(description="last moved", ordering="-updated_at")
    def last_movement_time(self, stock: StockLevel) -> str | SafeString:
        return datetime_html(stock.updated_at)


def find_stock_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a stock item's row."""
    if aggregate_type != "StockItem":
        return None
    row = StockLevel.objects.filter(stock_item_id=aggregate_id).only("sku").first()
    if row is None:
        return None
    return Link(f"Stock of {row.sku}", reverse("admin:projections_stocklevel_change", args=(quote(row.sku),)))
