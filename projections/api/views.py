"""Views of the read models' API, and the three collections that a client can post to as well."""

from __future__ import annotations

from eventshop.web.api.resource_views import RowDetailView, RowListView
from orders.api.orders import PlaceOrder
from projections.api import shop, trading
from trading.api.accounts import OpenAccounts
from trading.api.trades import SubmitTrades


class OrderCollection(PlaceOrder, RowListView):
    """Orders: list them, or post a new one."""

    resource = shop.ORDERS


class TradeCollection(SubmitTrades, RowListView):
    """Trades: list them, or post a new one."""

    resource = trading.TRADES


class AccountCollection(OpenAccounts, RowListView):
    """Trading accounts: list them, or open a new one."""

    resource = trading.ACCOUNTS


class OrderSummaryRow(RowDetailView):
    resource = shop.ORDERS


class OrderLineList(RowListView):
    resource = shop.ORDER_LINES


class CustomerSummaryList(RowListView):
    resource = shop.CUSTOMERS


class ActivityTimelineList(RowListView):
    resource = shop.ACTIVITY


class DailySalesList(RowListView):
    resource = shop.DAILY_SALES


class ProductSalesList(RowListView):
    resource = shop.PRODUCT_SALES


class StockLevelList(RowListView):
    resource = shop.STOCK


class StockLevelRow(RowDetailView):
    resource = shop.STOCK


class TradeBlotterRow(RowDetailView):
    resource = trading.TRADES


class PositionList(RowListView):
    resource = trading.POSITIONS


class MarketMinuteList(RowListView):
    resource = trading.MINUTES


class UserProfileList(RowListView):
    resource = shop.PEOPLE


class UserProfileRow(RowDetailView):
    resource = shop.PEOPLE


class ConsentRegisterList(RowListView):
    resource = shop.CONSENTS


class ConsentRegisterRow(RowDetailView):
    resource = shop.CONSENTS
