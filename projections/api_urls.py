"""The resources of orders and of every read model."""

from __future__ import annotations

from django.urls import path

from orders import api as orders
from projections import api, api_shop, api_trading
from trading import account_api as trading_accounts
from trading import api as trading


class Orders(orders.PlaceOrder, api.listing(api_shop.ORDERS)):  # type: ignore[misc]  # a class made from a table
    """Orders: the list of them, and where a new one is posted."""

    scopes = orders.PlaceOrder.scopes | {"GET": api_shop.ORDERS.scope}


class Trades(trading.SubmitTrades, api.listing(api_trading.TRADES)):  # type: ignore[misc]
    """Trades: the list of them, and where a new one is posted."""

    scopes = trading.SubmitTrades.scopes | {"GET": api_trading.TRADES.scope}


class Accounts(trading_accounts.OpenAccounts, api.listing(api_trading.ACCOUNTS)):  # type: ignore[misc]
    """Trading accounts: the list of them, and where a new one is opened."""

    scopes = trading_accounts.OpenAccounts.scopes | {"GET": api_trading.ACCOUNTS.scope}


urlpatterns = [
    path("orders", Orders.as_view(), name="api-orders"),
    path("orders/<uuid:key>", api.single(api_shop.ORDERS).as_view(), name="api-order"),
    path("order-lines", api.listing(api_shop.ORDER_LINES).as_view(), name="api-order-lines"),
    path("customers", api.listing(api_shop.CUSTOMERS).as_view(), name="api-customers"),
    path("activity", api.listing(api_shop.ACTIVITY).as_view(), name="api-activity"),
    path("sales/days", api.listing(api_shop.DAILY_SALES).as_view(), name="api-daily-sales"),
    path("sales/products", api.listing(api_shop.PRODUCT_SALES).as_view(), name="api-product-sales"),
    path("stock", api.listing(api_shop.STOCK).as_view(), name="api-stock"),
    path("stock/<str:key>", api.single(api_shop.STOCK).as_view(), name="api-stock-level"),
    path("trades", Trades.as_view(), name="api-trades"),
    path("trades/<uuid:key>", api.single(api_trading.TRADES).as_view(), name="api-trade"),
    path("accounts", Accounts.as_view(), name="api-accounts"),
    path("positions", api.listing(api_trading.POSITIONS).as_view(), name="api-positions"),
    path("market/minutes", api.listing(api_trading.MINUTES).as_view(), name="api-market-minutes"),
    path("people", api.listing(api_shop.PEOPLE).as_view(), name="api-people"),
    path("people/<uuid:key>", api.single(api_shop.PEOPLE).as_view(), name="api-person"),
    path("consents", api.listing(api_shop.CONSENTS).as_view(), name="api-consents"),
]
