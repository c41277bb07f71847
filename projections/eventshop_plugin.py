"""What the read models add to EventShop."""

from __future__ import annotations

from eventshop.admin_console.dashboard import dashboard_context
from eventshop.admin_console.sidebar import SidebarItem, SidebarSection
from eventshop.operations.access_log.subjects import streams_of_person
from eventshop.operations.roles import RolePart, view
from eventshop.plugins.plugin import Plugin
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.web.api.own_events import own_streams
from eventshop.web.pages.navigation import NavigationEntry, signed_in_users
from eventshop.web.shared.read_your_writes import position_check
from orders.application.stock_level_port import products_in_stock, stock_levels, stock_projection
from orders.application.suggestions import bought_together
from orders.domain.order import Order
from projections import followed_streams, people_activity, stock_activity  # noqa: F401  (they add their events to the activity timeline)
from projections.activity_timeline import activity_timeline
from projections.admin import accounts as account_pages
from projections.admin import orders as order_pages
from projections.admin import privacy as privacy_pages
from projections.admin import stock as stock_pages
from projections.admin import trading as trading_pages
from projections.admin.dashboard import add_dashboard_context
from projections.admin.finders import FINDERS
from projections.bought_together import skus_bought_together
from projections.consent_register import consent_register
from projections.customer_summary import customer_summary
from projections.daily_sales import daily_sales
from projections.erasure_handlers import (
    erase_rows,
    erase_rows_of_purposes,
    has_orders,
    held_data,
    open_orders,
    personal_tables,
    trading_streams,
)
from projections.expired_data import (
    erase_expired_orders,
    erase_expired_trades,
    expired_orders,
    expired_trades,
    has_traded,
    is_used_since,
)
from projections.external_id import external_id
from projections.lineage import affected_rows
from projections.market_minute import market_minute
from projections.order_lines import order_lines
from projections.order_summary import order_summary
from projections.pages.blotter_views import blotter_updates
from projections.pages.order_views import order_updates, skus_in_stock, stock_on_hand
from projections.pages.trading_views import account_ids, last_prices_of
from projections.person_streams import streams_of
from projections.position import position
from projections.product_sales import product_sales
from projections.read_your_writes import has_processed
from projections.row_lookup import find_order_ids, name_orders, name_trades
from projections.stock_level import stock_level
from projections.trade_blotter import trade_blotter
from projections.trading_account import trading_account
from projections.user_profile import user_profile
from trading.application.account_owner_port import owned_accounts
from trading.application.last_price_port import last_prices
from trading.domain.account import TradingAccount
from trading.domain.trade import Trade
from users.domain.user import User

#: Models that several roles of staff see together.
SHOP = ("ordersummary", "orderline", "customersummary", "activitytimeline")
TRADING = ("tradeblotter", "position", "tradingaccount", "marketminute")

PLUGIN = Plugin(
    projections=[
        activity_timeline,
        consent_register,
        customer_summary,
        daily_sales,
        external_id,
        market_minute,
        order_lines,
        order_summary,
        position,
        product_sales,
        stock_level,
        trade_blotter,
        trading_account,
        user_profile,
    ],
    bindings=[
        dashboard_context.bind(add_dashboard_context),
        position_check.bind(has_processed),
        stock_levels.bind(stock_on_hand),
        products_in_stock.bind(skus_in_stock),
        stock_projection.bind(stock_level.name),
        bought_together.bind(skus_bought_together),
        last_prices.bind(last_prices_of),
        owned_accounts.bind(account_ids),
        streams_of_person.bind(streams_of),
        own_streams.bind(followed_streams.own_streams),
    ],
    personal_data=[
        PersonalDataHolder(
            "orders",
            find_blockers=open_orders,
            has_data=has_orders,
            find_expired=expired_orders,
            erase_expired=erase_expired_orders,
            is_used_since=is_used_since,
        ),
        PersonalDataHolder(
            "trades", has_data=has_traded, find_expired=expired_trades, erase_expired=erase_expired_trades
        ),
        PersonalDataHolder(
            "rows",
            erase=erase_rows,
            erase_purposes=erase_rows_of_purposes,
            find_streams=trading_streams,
            held_data=held_data,
            clear_text_tables=personal_tables,
        ),
    ],
    api_urls=["projections.api.urls"],
    page_urls=["projections.pages.urls"],
    navigation=[
        NavigationEntry(
            "My orders",
            "projections:my-orders",
            order=20,
            about="Their status, invoices and returns.",
            visible_to=signed_in_users,
        ),
        NavigationEntry(
            "Trading",
            "projections:blotter",
            order=25,
            about="Your trades, positions and limits.",
            visible_to=signed_in_users,
        ),
    ],
    live_sources=[blotter_updates, order_updates],
    view_permissions={
        Order: "projections.view_ordersummary",
        Trade: "projections.view_tradeblotter",
        TradingAccount: "projections.view_tradingaccount",
        User: "projections.view_userprofile",
    },
    roles=[
        RolePart("Support", view("projections", *SHOP, "stocklevel", "userprofile", "consentregister")),
        RolePart("Finance", view("projections", *SHOP, "dailysales", "productsales")),
        RolePart("Operations", view("projections", "ordersummary", "stocklevel", "activitytimeline")),
        RolePart("Privacy officer", view("projections", "userprofile", "consentregister", "activitytimeline")),
        RolePart("Auditor", view("projections", *SHOP, *TRADING, "dailysales", "productsales", "stocklevel")),
        RolePart("Trading desk", view("projections", *TRADING)),
    ],
    sidebar=[
        SidebarSection("Overview", 5, [SidebarItem("Dashboard", "dashboard", view="index", order=10)]),
        SidebarSection(
            "Shop",
            10,
            [
                SidebarItem("Orders", "shopping_cart", "projections.ordersummary", order=20),
                SidebarItem("Order lines", "list_alt", "projections.orderline", order=30),
                SidebarItem("Customers", "group", "projections.customersummary", order=40),
                SidebarItem("Daily sales", "bar_chart", "projections.dailysales", order=50),
                SidebarItem("Products", "inventory_2", "projections.productsales", order=60),
                SidebarItem("Stock", "warehouse", "projections.stocklevel", order=70),
                SidebarItem("Activity", "history", "projections.activitytimeline", order=90),
            ],
        ),
        SidebarSection(
            "Trading",
            20,
            [
                SidebarItem("Trades", "candlestick_chart", "projections.tradeblotter"),
                SidebarItem("Positions", "account_balance_wallet", "projections.position"),
                SidebarItem("Trading accounts", "badge", "projections.tradingaccount"),
                SidebarItem("1-minute candles", "query_stats", "projections.marketminute"),
            ],
        ),
        SidebarSection(
            "Privacy",
            50,
            [
                SidebarItem("People", "person_search", "projections.userprofile", order=10),
                SidebarItem("Consent register", "fact_check", "projections.consentregister", order=20),
            ],
        ),
    ],
    finders=FINDERS,
    row_page_finders=[
        order_pages.find_order_page,
        privacy_pages.find_person_page,
        stock_pages.find_stock_page,
        trading_pages.find_trade_page,
        account_pages.find_account_page,
    ],
    stream_finders=[find_order_ids, trading_pages.find_trades],
    stream_namers=[name_orders, name_trades],
    changed_rows_finders=[affected_rows],
)
