"""Trades, positions and trading accounts."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.estimated_pagination import BoundedPaginator
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.registry import Link
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.datetimes import format_date_html, format_datetime
from projections.admin.charts import chart_data
from projections.admin.filters import DaysFilter
from projections.admin.market_minutes import InstrumentFilter, format_exact
from projections.admin.related import may_see, page_url, stream_links
from projections.admin.search import SearchById, SearchByReference
from projections.models import Position, TradeBlotter, TradingAccount, UserProfile
from projections.position_history import position_changes
from projections.position_result import MARK_PRICE, METHOD_LABELS, cost_method_of, position_result
from projections.timeline import MAX_ENTRIES, event_timeline
from trading.admin.trades import TradeActions
from trading.application import number_formatting, trade_timeline

#: Rows of another model on the page of an account.
MAX_RELATED: Final = 20
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
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    change_form_template = "projections/trade.html"

    def detail_context(self, request: HttpRequest, obj: TradeBlotter) -> dict[str, Any]:
        timeline = event_timeline(obj.trade_id, lambda event: trade_timeline.describe_event(event, obj.currency)[0])
        terms = [(name.capitalize(), getattr(obj, name)) for name in ("instrument", "side", "type")]
        times = [("Submitted", datetime_html(obj.submitted_at)), ("Last changed", datetime_html(obj.updated_at))]
        return super().detail_context(request, obj) | {
            "trade": obj,
            "account": account_name(obj.account_id),
            "account_page": find_account_page("TradingAccount", obj.account_id)
            if may_see(request, TradingAccount)
            else None,
            "stream_links": stream_links(request, obj.trade_id),
            "title": f"Trade {obj.reference}",
            "subtitle": obj.get_status_display(),
            "facts": [
                *terms,
                ("Quantity", format_exact(obj.quantity)),
                ("Limit price", number_formatting.format_price(obj.limit_price, obj.currency)),
                ("Executed", format_exact(obj.executed)),
                ("Notional", number_formatting.format_price(obj.notional, obj.currency)),
                ("Average price", number_formatting.format_average(obj.average_price, obj.instrument, obj.currency)),
                ("Fills", f"{obj.fills:,}, {obj.corrections:,} corrected or void"),
                *([("Review", "The venue reported what breaks a rule; see below")] if obj.needs_review else []),
            ],
            "times": [*times, *([("Settled on", format_date_html(obj.settled_on))] if obj.settled_on else [])],
            "timeline": timeline,
            "events_behind": max(0, (timeline[-1].version if timeline else 0) - obj.last_version),
            "timeline_is_truncated": obj.last_version > MAX_ENTRIES,
        }

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


@admin.register(TradingAccount)
class TradingAccountAdmin(SearchById):
    empty_message = "No trading account was opened yet."
    list_display = (
        "reference",
        "owner_column",
        "limit_text",
        "frozen_text",
        "frozen_trades",
        "refusals",
        "last_change_time",
    )
    search_fields = ("owner_id",)
    search_help_text = "The owner's id"
    sortable_by = ("last_change_time",)
    ordering = ("-updated_at",)
    paginator = BoundedPaginator
    change_list_template = "projections/list.html"
    change_form_template = "projections/account.html"

    def detail_context(self, request: HttpRequest, obj: TradingAccount) -> dict[str, Any]:
        timeline = event_timeline(obj.account_id)
        return {
            "account": obj,
            "title": f"Trading account {obj.reference}",
            "subtitle": "owned by a customer" if obj.owner_id else "owned by the house",
            "owner": short_name("Person", obj.owner_id) if obj.owner_id else "the house",
            "owner_url": page_url(UserProfile, obj.owner_id) if obj.owner_id and may_see(request, UserProfile) else "",
            "facts": [
                ("Gross limit", self.limit_text(obj)),
                ("Frozen", f"{self.frozen_text(obj)}, by {obj.frozen_trades:,} open trades"),
                ("Refused for the limit", f"{obj.refusals:,} trades"),
                ("Cost method", METHOD_LABELS[cost_method_of(obj.account_id)]),
            ],
            "times": [("Opened", datetime_html(obj.opened_at)), ("Last changed", datetime_html(obj.updated_at))],
            "positions": _account_positions(obj.account_id) if may_see(request, Position) else None,
            "trades": _account_trades(obj.account_id) if may_see(request, TradeBlotter) else None,
            "timeline": timeline,
            "events_behind": max(0, (timeline[-1].version if timeline else 0) - obj.last_version),
            "stream_links": stream_links(request, obj.account_id),
        }

    @display(description="owner")
    def owner_column(self, row: TradingAccount) -> str | SafeString:
        if row.owner_id is None:
            return "the house"
        return format_html('<span title="{}">{}</span>', row.owner_id, short_name("Customer", row.owner_id))

    @display(description="gross limit", number=True)
    def limit_text(self, row: TradingAccount) -> str:
        return number_formatting.format_price(row.gross_limit, row.currency)

    @display(description="frozen", number=True)
    def frozen_text(self, row: TradingAccount) -> str:
        return number_formatting.format_price(row.frozen, row.currency)

    @display(description="last changed", ordering="-updated_at")
    def last_change_time(self, row: TradingAccount) -> str | SafeString:
        return datetime_html(row.updated_at)


def _account_positions(account_id: UUID) -> list[tuple[Position, str, str, str]]:
    """The first positions of an account by instrument: page, quantity and realised result."""
    rows = Position.objects.filter(account_id=account_id).order_by("instrument")[:MAX_RELATED]
    return [
        (
            row,
            page_url(Position, row.pk),
            format_exact(row.quantity),
            number_formatting.format_result(row.realised, row.currency),
        )
        for row in rows
    ]


def _account_trades(account_id: UUID) -> list[tuple[TradeBlotter, str, str | SafeString, str]]:
    """The newest trades of an account: page, time and executed quantity."""
    rows = TradeBlotter.objects.filter(account_id=account_id).order_by("-submitted_at", "-trade_id")[:MAX_RELATED]
    return [
        (row, page_url(TradeBlotter, row.pk), datetime_html(row.submitted_at), format_exact(row.executed))
        for row in rows
    ]


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
    paginator = BoundedPaginator
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


def account_name(account_id: UUID) -> str:
    """The reference of an account; the end of its id if it has no row."""
    account = TradingAccount.objects.filter(pk=account_id).only("reference").first()
    return account.reference if account else short_name("Account", account_id)


def find_trade_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a trade's row."""
    if aggregate_type != "Trade":
        return None
    trade = TradeBlotter.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradeblotter_change", args=(aggregate_id,))
    return Link(f"Trade {trade.reference}", url) if trade else None


def find_account_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a trading account's row."""
    if aggregate_type != "TradingAccount":
        return None
    account = TradingAccount.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradingaccount_change", args=(aggregate_id,))
    return Link(f"Trading account {account.reference}", url) if account else None


def find_trades(reference: str) -> list[UUID]:
    return list(TradeBlotter.objects.filter(reference=reference).values_list("pk", flat=True)[:50])
