"""Trades, positions and trading accounts in the admin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import called
from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.formatting import when
from eventshop.admin_console.registry import Link, add_naming, add_row_page
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.datetimes import day, moment_text
from projections.admin.charts import chart_data
from projections.admin.filters import DaysFilter
from projections.admin.market_minutes import InstrumentFilter, exactly
from projections.admin.search import FoundById, FoundByReference
from projections.models import Position, TradeBlotter, TradingAccount
from projections.position_history import moves
from projections.timeline import LONGEST, story
from trading.admin.trades import TradeActions
from trading.application import number_formatting, trade_timeline

_COLOURS = {
    "Open": "info",
    "Partly filled": "warning",
    "Filled": "primary",
    "Settled": "success",
    "Cancelled": "danger",
    "Rejected": "danger",
}


@admin.register(TradeBlotter)
class TradeBlotterAdmin(TradeActions, FoundByReference):
    when_empty = "No trade was placed yet."
    list_display = ("reference", "state", "submitted", "instrument", "side", "type", "ordered", "done", "average")
    list_filter = (("status", ChoicesDropdownFilter), InstrumentFilter, ("submitted_at", DaysFilter))
    list_filter_submit = True
    owner_column = "account_id"
    search_help_text = "Reference, trade id or account id"
    sortable_by = ("reference", "submitted")
    ordering = ("-submitted_at", "-trade_id")
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    change_form_template = "projections/trade.html"

    def page(self, request: HttpRequest, obj: TradeBlotter) -> dict[str, Any]:
        told = story(obj.trade_id, lambda event: trade_timeline.told(event, obj.currency)[0])
        words = [(name.capitalize(), getattr(obj, name)) for name in ("instrument", "side", "type")]
        times = [("Submitted", when(obj.submitted_at)), ("Last changed", when(obj.updated_at))]
        return super().page(request, obj) | {
            "trade": obj,
            "account": account_name(obj.account_id),
            "title": f"Trade {obj.reference}",
            "subtitle": obj.get_status_display(),
            "facts": [
                *words,
                ("Quantity", exactly(obj.quantity)),
                ("Limit price", number_formatting.price(obj.limit_price, obj.currency)),
                ("Executed", exactly(obj.executed)),
                ("Notional", number_formatting.price(obj.notional, obj.currency)),
                ("Average price", number_formatting.average(obj.average_price, obj.instrument, obj.currency)),
                ("Fills", f"{obj.fills:,}, {obj.corrections:,} corrected or void"),
            ],
            "times": [*times, *([("Settled on", day(obj.settled_on))] if obj.settled_on else [])],
            "story": told,
            "behind": max(0, (told[-1].version if told else 0) - obj.last_version),
            "behind_story": obj.last_version > LONGEST,
        }

    @display(description="status", label=_COLOURS)
    def state(self, trade: TradeBlotter) -> str:
        return trade.get_status_display()

    @display(description="submitted", ordering="-submitted_at")
    def submitted(self, trade: TradeBlotter) -> str | SafeString:
        return when(trade.submitted_at)

    @display(description="ordered")
    def ordered(self, trade: TradeBlotter) -> str:
        return exactly(trade.quantity)

    @display(description="executed")
    def done(self, trade: TradeBlotter) -> str:
        return exactly(trade.executed)

    @display(description="average price")
    def average(self, trade: TradeBlotter) -> str:
        return number_formatting.average(trade.average_price, trade.instrument, trade.currency)


@admin.register(TradingAccount)
class TradingAccountAdmin(FoundById):
    when_empty = "No trading account was opened yet."
    list_display = ("reference", "owner", "limit", "used", "frozen_trades", "refusals", "changed")
    search_fields = ("owner_id",)
    search_help_text = "The owner's id"
    sortable_by = ("changed",)
    ordering = ("-updated_at",)
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"

    @display(description="owner")
    def owner(self, row: TradingAccount) -> str | SafeString:
        if row.owner_id is None:
            return "the house"
        return format_html('<span title="{}">{}</span>', row.owner_id, called("Customer", row.owner_id))

    @display(description="gross limit")
    def limit(self, row: TradingAccount) -> str:
        return number_formatting.price(row.gross_limit, row.currency)

    @display(description="frozen")
    def used(self, row: TradingAccount) -> str:
        return number_formatting.price(row.frozen, row.currency)

    @display(description="last changed", ordering="-updated_at")
    def changed(self, row: TradingAccount) -> str | SafeString:
        return when(row.updated_at)


@admin.register(Position)
class PositionAdmin(FoundById):
    when_empty = "No trade was filled yet."
    list_display = ("instrument", "account", "held", "cost", "earned", "moved")
    list_filter = (InstrumentFilter,)
    search_fields = ("account_id",)
    search_help_text = "Account id"
    sortable_by = ("instrument",)
    ordering = ("instrument", "account_id")
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    change_form_template = "projections/position.html"

    def page(self, request: HttpRequest, obj: Position) -> dict[str, Any]:
        steps = moves(obj)
        facts = [
            ("Bought", f"{exactly(obj.bought)} for {number_formatting.price(obj.bought_notional, obj.currency)}"),
            ("Sold", f"{exactly(obj.sold)} for {number_formatting.price(obj.sold_notional, obj.currency)}"),
            ("Quantity held", exactly(obj.quantity)),
            ("Average cost", number_formatting.average(obj.average_cost, obj.instrument, obj.currency)),
            ("Realised", number_formatting.result(obj.realised, obj.currency)),
        ]
        points = [(moment_text(it.trade.submitted_at), it.held) for it in reversed(steps)]
        return {
            "row": obj,
            "account": account_name(obj.account_id),
            "title": f"Position in {obj.instrument}",
            "subtitle": f"{exactly(obj.quantity)} held",
            "facts": facts,
            "moved": when(obj.updated_at),
            "chart": chart_data(f"Held, {obj.instrument}", points),
            "moves": [
                (it.trade, when(it.trade.submitted_at), exactly(it.trade.executed), exactly(it.held)) for it in steps
            ],
        }

    @display(description="account")
    def account(self, row: Position) -> SafeString:
        return format_html('<span title="{}">{}</span>', row.account_id, called("Account", row.account_id))

    @display(description="quantity")
    def held(self, row: Position) -> str:
        return exactly(row.quantity)

    @display(description="average cost")
    def cost(self, row: Position) -> str:
        return number_formatting.average(row.average_cost, row.instrument, row.currency)

    @display(description="realised")
    def earned(self, row: Position) -> str:
        return number_formatting.result(row.realised, row.currency)

    @display(description="last moved")
    def moved(self, row: Position) -> str | SafeString:
        return when(row.updated_at)


def account_name(account_id: UUID) -> str:
    """What its owner calls an account."""
    found = TradingAccount.objects.filter(pk=account_id).only("reference").first()
    return found.reference if found else called("Account", account_id)


@add_row_page
def trade_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """From the stream of a trade to its row."""
    if aggregate_type != "Trade":
        return None
    trade = TradeBlotter.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradeblotter_change", args=(aggregate_id,))
    return Link(f"Trade {trade.reference}", url) if trade else None


@add_row_page
def account_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """From the stream of a trading account to its row."""
    if aggregate_type != "TradingAccount":
        return None
    account = TradingAccount.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradingaccount_change", args=(aggregate_id,))
    return Link(f"Trading account {account.reference}", url) if account else None


@add_naming
def trades_called(reference: str) -> list[UUID]:
    return list(TradeBlotter.objects.filter(reference=reference).values_list("pk", flat=True)[:50])
