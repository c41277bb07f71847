"""Trading accounts, with their positions and trades."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.registry import Link
from eventshop.admin_console.row_page import RowLink, Table, badge, link, section
from eventshop.admin_console.unfold_adapter import display
from projections.admin.market_minutes import format_exact
from projections.admin.related import may_see, page_url, stream_links
from projections.admin.search import SearchById
from projections.models import Position, TradeBlotter, TradingAccount, UserProfile
from projections.position_result import METHOD_LABELS, cost_method_of
from projections.timeline import event_timeline, follow_stream
from trading.application import number_formatting

#: Rows of another model on the page of an account.
MAX_RELATED: Final = 20


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
    change_list_template = "projections/list.html"
    fieldsets = (
        section("Account", "reference", "owner", "account_id", "opened_at", "updated_at"),
        section("Limit and method", "limit_text", "frozen_by", "refusals_text", "cost_method_text"),
    )

    def detail_context(self, request: HttpRequest, obj: TradingAccount) -> dict[str, Any]:
        timeline = event_timeline(obj.account_id)
        kinds = ((Position, _positions_table), (TradeBlotter, _trades_table))
        return {
            "title": f"Trading account {obj.reference}",
            "subtitle": "owned by a customer" if obj.owner_id else "owned by the house",
            "tables": [table(obj.account_id) for model, table in kinds if may_see(request, model)],
            "timeline": timeline,
            **follow_stream(obj.account_id, obj.last_version),
            "stream_links": stream_links(request, obj.account_id),
        }

    @display(description="owner")
    def owner(self, row: TradingAccount) -> str | RowLink:
        if row.owner_id is None:
            return "the house"
        return RowLink(UserProfile, row.owner_id, short_name("Person", row.owner_id))

    @display(description="frozen")
    def frozen_by(self, row: TradingAccount) -> str:
        return f"{self.frozen_text(row)}, by {row.frozen_trades:,} open trades"

    @display(description="refused for the limit")
    def refusals_text(self, row: TradingAccount) -> str:
        return f"{row.refusals:,} trades"

    @display(description="cost method")
    def cost_method_text(self, row: TradingAccount) -> str:
        return METHOD_LABELS[cost_method_of(row.account_id)]

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


def _positions_table(account_id: UUID) -> Table:
    """The first positions of an account by instrument."""
    return Table(
        "Positions",
        ("Instrument", "Quantity", "Realised"),
        [
            (
                link(page_url(Position, row.pk), row.instrument),
                format_exact(row.quantity),
                number_formatting.format_result(row.realised, row.currency),
            )
            for row in Position.objects.filter(account_id=account_id).order_by("instrument")[:MAX_RELATED]
        ],
        "No trade was executed.",
        frozenset({"Quantity", "Realised"}),
        all_url=f"{reverse('admin:projections_position_changelist')}?q={account_id}",
    )


def _trades_table(account_id: UUID) -> Table:
    """The newest trades of an account."""
    rows = TradeBlotter.objects.filter(account_id=account_id).order_by("-submitted_at", "-trade_id")[:MAX_RELATED]
    return Table(
        "Newest trades",
        ("Trade", "Status", "Instrument", "Submitted", "Executed"),
        [
            (
                link(page_url(TradeBlotter, row.pk), row.reference),
                badge(row.get_status_display()),
                row.instrument,
                datetime_html(row.submitted_at),
                format_exact(row.executed),
            )
            for row in rows
        ],
        "No trade was placed.",
        frozenset({"Executed"}),
        all_url=f"{reverse('admin:projections_tradeblotter_changelist')}?q={account_id}",
    )


def account_name(account_id: UUID) -> str:
    """The reference of an account; the end of its id if it has no row."""
    account = TradingAccount.objects.filter(pk=account_id).only("reference").first()
    return account.reference if account else short_name("Account", account_id)


def find_account_page(aggregate_type: str, aggregate_id: UUID) -> Link | None:
    """The page of a trading account's row."""
    if aggregate_type != "TradingAccount":
        return None
    account = TradingAccount.objects.filter(pk=aggregate_id).only("reference").first()
    url = reverse("admin:projections_tradingaccount_change", args=(aggregate_id,))
    return Link(f"Trading account {account.reference}", url) if account else None
