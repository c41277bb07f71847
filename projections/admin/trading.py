"""Trades, positions and trading accounts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.registry import Link
from eventshop.admin_console.row_page import RowLink, section
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.datetimes import format_datetime
from eventshop.sagas.models import Saga
from projections.admin.accounts import account_name
from projections.admin.charts import chart_data
from projections.admin.filters import DaysFilter
from projections.admin.market_minutes import InstrumentFilter, format_exact
from projections.admin.related import may_see, sagas_table, stream_links
from projections.admin.search import SearchById, SearchByReference
from projections.models import Position, TradeBlotter, TradingAccount
from projections.position_history import position_changes
from projections.position_result import MARK_PRICE, METHOD_LABELS, cost_method_of, position_result
from projections.timeline import MAX_ENTRIES, event_timeline, follow_stream
from trading.admin.trades import TradeActions
from trading.application import number_formatting, trade_timeline

_COLOURS = {
    "Open": "info",
    "Partly filled": "warning",
    "Filled": "primary",
    "Settled": "success",
    "Cancelled": "danger",
    "Expired": "danger",
    "Rejected": "danger",
}


@admin.register(TradeBlotter)
class TradeBlotterAdmin(TradeActions, SearchByReference):
    empty_message = "No trade was placed yet."
    list_display = (
        "reference",
        "state",
        "submission_time",
        "instrument",
        "side",
        "type",
        "quantity_text",
        "executed_text",
        "average_price_text",
    )
    list_filter = (("status", ChoicesDropdownFilter), "needs_review", InstrumentFilter, ("submitted_at", DaysFilter))
    list_filter_submit = True
    owner_column = "account_id"
    search_help_text = "Reference, trade id or account id"
    sortable_by = ("reference", "submission_time")
    ordering = ("-submitted_at", "-trade_id")
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Trade", "state", "on_hold", "needs_review", "cancel_requested", "amend_requested", "reason"),
        section("Terms", "instrument", "side", "type", "quantity_text", "limit_text", "account"),
        section("Execution", "executed_text", "average_price_text", "notional_text", "fees_text", "fills_text"),
        section("Times", "submitted_at", "updated_at", "settled_on", "trade_id"),
    )

    def detail_context(self, request: HttpRequest, obj: TradeBlotter) -> dict[str, Any]:
        timeline = event_timeline(obj.trade_id, lambda event: trade_timeline.describe_event(event, obj.currency)[0])
        return super().detail_context(request, obj) | {
            "title": f"Trade {obj.reference}",
            "subtitle": obj.get_status_display(),
            "stream_links": stream_links(request, obj.trade_id),
            "tables": [sagas_table(obj.trade_id)] if may_see(request, Saga) else [],
            "timeline": timeline,
            **follow_stream(obj.trade_id, obj.last_version, obj.status),
            "timeline_is_truncated": obj.last_version > MAX_ENTRIES,
        }

    @display(description="account")
    def account(self, trade: TradeBlotter) -> RowLink:
        return RowLink(TradingAccount, trade.account_id, account_name(trade.account_id))

    @display(description="limit price")
    def limit_text(self, trade: TradeBlotter) -> str:
        return number_formatting.format_price(trade.limit_price, trade.currency)

    @display(description="notional")
    def notional_text(self, trade: TradeBlotter) -> str:
        return number_formatting.format_price(trade.notional, trade.currency)

    @display(description="fees")
    def fees_text(self, trade: TradeBlotter) -> str:
        return number_formatting.format_result(trade.fees, trade.fee_currency or trade.currency)

    @display(description="fills")
    def fills_text(self, trade: TradeBlotter) -> str:
        return f"{trade.fills:,}, {trade.corrections:,} corrected or void"

    @display(description="status", label=_COLOURS)
    def state(self, trade: TradeBlotter) -> str:
        return trade.get_status_display()

    @display(description="submitted", ordering="-submitted_at")
    def submission_time(self, trade: TradeBlotter) -> str | SafeString:
        return datetime_html(trade.submitted_at)

    @display(description="ordered", number=True)
    def quantity_text(self, trade: TradeBlotter) -> str:
        return format_exact(trade.quantity)

    @display(description="executed", number=True)
    def executed_text(self, trade: TradeBlotter) -> str:
        return format_exact(trade.executed)

    @display(description="average price", number=True)
    def average_price_text(self, trade: TradeBlotter) -> str:
        return number_formatting.format_average(trade.average_price, trade.instrument, trade.currency)


@admin.register(Position)
class PositionAdmin(SearchById):
    empty_message = "There is no position yet: no trade was executed."
    list_display = (
        "instrument",
        "account_column",
        "quantity_text",
        "average_cost_text",
        "realised_text",
        "last_movement_time",
    )
    list_filter = (InstrumentFilter,)
    search_fields = ("account_id",)
    search_help_text = "Account id"
    sortable_by = ("instrument",)
    ordering = ("instrument", "account_id")
    change_list_template = "projections/list.html"
    change_form_template = "projections/position.html"

    def detail_context(self, request: HttpRequest, obj: Position) -> dict[str, Any]:
        may_see_trades = may_see(request, TradeBlotter)
        changes = position_changes(obj) if may_see_trades else []
        facts = [
            (
                "Bought",
                f"{format_exact(obj.bought)} for {number_formatting.format_price(obj.bought_notional, obj.currency)}",
            ),
            ("Sold", f"{format_exact(obj.sold)} for {number_formatting.format_price(obj.sold_notional, obj.currency)}"),
            ("Quantity held", format_exact(obj.quantity)),
            *_result_facts(obj),
        ]
        points = [(format_datetime(change.trade.submitted_at), change.quantity_after) for change in reversed(changes)]
        return {
            "row": obj,
            "account": account_name(obj.account_id),
            "title": f"Position in {obj.instrument}",
            "subtitle": f"{format_exact(obj.quantity)} held",
            "facts": facts,
            "last_moved": datetime_html(obj.updated_at),
            "chart": chart_data(f"Held, {obj.instrument}", points),
            "may_see_trades": may_see_trades,
            "movements": [
                (
                    change.trade,
                    datetime_html(change.trade.submitted_at),
                    format_exact(change.trade.executed),
                    format_exact(change.quantity_after),
                )
                for change in changes
            ],
        }

    @display(description="account")
    def account_column(self, row: Position) -> SafeString:
        return format_html('<span title="{}">{}</span>', row.account_id, short_name("Account", row.account_id))

    @display(description="quantity", number=True)
    def quantity_text(self, row: Position) -> str:
        return format_exact(row.quantity)

    @display(description="average cost", number=True)
    def average_cost_text(self, row: Position) -> str:
        return number_formatting.format_average(row.average_cost, row.instrument, row.price_currency)

    @display(description="realised", number=True)
    def realised_text(self, row: Position) -> str:
        return number_formatting.format_result(row.realised, row.currency)

    @display(description="last moved")
    def last_movement_time(self, row: Position) -> str | SafeString:
        return datetime_html(row.updated_at)


def _result_facts(obj: Position) -> list[tuple[str, str]]:
    mark_price = Position.objects.filter(pk=obj.pk).values_list(MARK_PRICE, flat=True).first()
    result = position_result(obj, cost_method_of(obj.account_id), mark_price)
    return [
        ("Cost method", METHOD_LABELS[result.method]),
        ("Average cost", number_formatting.format_average(result.average_cost, obj.instrument, obj.price_currency)),
        ("Realised", number_formatting.format_result(result.realised, obj.currency)),
        ("Fees", number_formatting.format_result(result.fees, obj.currency)),
        ("Realised less fees", number_formatting.format_result(result.net, obj.currency)),
        ("Unrealised", number_formatting.format_result(result.unrealised, obj.currency)),
    ]


def find_trade_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a trade's row."""
    if aggregate_type != "Trade":
        return None
    trade = TradeBlotter.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradeblotter_change", args=(aggregate_id,))
    return Link(f"Trade {trade.reference}", url) if trade else None


def find_trades(reference: str) -> list[UUID]:
    return list(TradeBlotter.objects.filter(reference=reference).values_list("pk", flat=True)[:50])
