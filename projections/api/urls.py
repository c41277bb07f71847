"""The resources of orders and of every read model."""

from __future__ import annotations

from django.urls import path

from orders.api import orders
from projections.api import read_model_view, shop
from projections.api import trading as api_trading
from trading.api import accounts as trading_accounts
from trading.api import trades as trading


class Orders(orders.PlaceOrder, read_model_view.listing(shop.ORDERS)):  # type: ignore[misc]  # a class made from a table
    """Orders: the list of them, and where a new one is posted."""

    scopes = orders.PlaceOrder.scopes | {"GET": shop.ORDERS.scope}


class Trades(trading.SubmitTrades, read_model_view.listing(api_trading.TRADES)):  # type: ignore[misc]
    """Trades: the list of them, and where a new one is posted."""

    scopes = trading.SubmitTrades.scopes | {"GET": api_trading.TRADES.scope}


class Accounts(trading_accounts.OpenAccounts, read_model_view.listing(api_trading.ACCOUNTS)):  # type: ignore[misc]
    """Trading accounts: the list of them, and where a new one is opened."""

    scopes = trading_accounts.OpenAccounts.scopes | {"GET": api_trading.ACCOUNTS.scope}


urlpatterns = [
    path("orders", Orders.as_view(), name="api-orders"),
    path("orders/<uuid:key>", read_model_view.single(shop.ORDERS).as_view(), name="api-order"),
    path("order-lines", read_model_view.listing(shop.ORDER_LINES).as_view(), name="api-order-lines"),
    path("customers", read_model_view.listing(shop.CUSTOMERS).as_view(), name="api-customers"),
    path("activity", read_model_view.listing(shop.ACTIVITY).as_view(), name="api-activity"),
    path("sales/days", read_model_view.listing(shop.DAILY_SALES).as_view(), name="api-daily-sales"),
    path("sales/products", read_model_view.listing(shop.PRODUCT_SALES).as_view(), name="api-product-sales"),
    path("stock", read_model_view.listing(shop.STOCK).as_view(), name="api-stock"),
    path("stock/<str:key>", read_model_view.single(shop.STOCK).as_view(), name="api-stock-level"),
    path("trades", Trades.as_view(), name="api-trades"),
    path("trades/<uuid:key>", read_model_view.single(api_trading.TRADES).as_view(), name="api-trade"),
    path("accounts", Accounts.as_view(), name="api-accounts"),
    path("positions", read_model_view.listing(api_trading.POSITIONS).as_view(), name="api-positions"),
    path("market/minutes", read_model_view.listing(api_trading.MINUTES).as_view(), name="api-market-minutes"),
    path("people", read_model_view.listing(shop.PEOPLE).as_view(), name="api-people"),
    path("people/<uuid:key>", read_model_view.single(shop.PEOPLE).as_view(), name="api-person"),
    path("consents", read_model_view.listing(shop.CONSENTS).as_view(), name="api-consents"),
]
