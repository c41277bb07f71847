"""URL paths of the read models' API."""

from __future__ import annotations

from django.urls import path

from orders.api import orders
from projections.api import read_model_view, shop
from projections.api import trading as api_trading
from trading.api import accounts as trading_accounts
from trading.api import trades as trading


class OrderCollection(orders.PlaceOrder, read_model_view.list_view(shop.ORDERS)):  # type: ignore[misc]  # mypy: the base class is made at run time
    """Orders: list them, or post a new one."""

    scopes = orders.PlaceOrder.scopes | {"GET": shop.ORDERS.scope}


class TradeCollection(trading.SubmitTrades, read_model_view.list_view(api_trading.TRADES)):  # type: ignore[misc]
    """Trades: list them, or post a new one."""

    scopes = trading.SubmitTrades.scopes | {"GET": api_trading.TRADES.scope}


class AccountCollection(trading_accounts.OpenAccounts, read_model_view.list_view(api_trading.ACCOUNTS)):  # type: ignore[misc]
    """Trading accounts: list them, or open a new one."""

    scopes = trading_accounts.OpenAccounts.scopes | {"GET": api_trading.ACCOUNTS.scope}


urlpatterns = [
    path("orders", OrderCollection.as_view(), name="api-orders"),
    path("orders/<uuid:key>", read_model_view.detail_view(shop.ORDERS).as_view(), name="api-order"),
    path("order-lines", read_model_view.list_view(shop.ORDER_LINES).as_view(), name="api-order-lines"),
    path("customers", read_model_view.list_view(shop.CUSTOMERS).as_view(), name="api-customers"),
    path("activity", read_model_view.list_view(shop.ACTIVITY).as_view(), name="api-activity"),
    path("sales/days", read_model_view.list_view(shop.DAILY_SALES).as_view(), name="api-daily-sales"),
    path("sales/products", read_model_view.list_view(shop.PRODUCT_SALES).as_view(), name="api-product-sales"),
    path("stock", read_model_view.list_view(shop.STOCK).as_view(), name="api-stock"),
    path("stock/<str:key>", read_model_view.detail_view(shop.STOCK).as_view(), name="api-stock-level"),
    path("trades", TradeCollection.as_view(), name="api-trades"),
    path("trades/<uuid:key>", read_model_view.detail_view(api_trading.TRADES).as_view(), name="api-trade"),
    path("accounts", AccountCollection.as_view(), name="api-accounts"),
    path("positions", read_model_view.list_view(api_trading.POSITIONS).as_view(), name="api-positions"),
    path("market/minutes", read_model_view.list_view(api_trading.MINUTES).as_view(), name="api-market-minutes"),
    path("people", read_model_view.list_view(shop.PEOPLE).as_view(), name="api-people"),
    path("people/<uuid:key>", read_model_view.detail_view(shop.PEOPLE).as_view(), name="api-person"),
    path("consents", read_model_view.list_view(shop.CONSENTS).as_view(), name="api-consents"),
]
