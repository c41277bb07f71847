"""URL paths of the read models' API."""

from __future__ import annotations

from django.urls import path

from orders.api import url_names as order_urls
from projections.api import views
from trading.api import url_names as trade_urls
from users.api import url_names as person_urls

urlpatterns = [
    path("orders", views.OrderCollection.as_view(), name=order_urls.ORDERS),
    path("orders/<uuid:key>", views.OrderSummaryRow.as_view(), name=order_urls.ORDER),
    path("order-lines", views.OrderLineList.as_view(), name="api-order-lines"),
    path("customers", views.CustomerSummaryList.as_view(), name="api-customers"),
    path("activity", views.ActivityTimelineList.as_view(), name="api-activity"),
    path("sales/days", views.DailySalesList.as_view(), name="api-daily-sales"),
    path("sales/products", views.ProductSalesList.as_view(), name="api-product-sales"),
    path("stock", views.StockLevelList.as_view(), name="api-stock"),
    path("stock/<str:key>", views.StockLevelRow.as_view(), name=order_urls.STOCK_LEVEL),
    path("trades", views.TradeCollection.as_view(), name=trade_urls.TRADES),
    path("trades/<uuid:key>", views.TradeBlotterRow.as_view(), name=trade_urls.TRADE),
    path("accounts", views.AccountCollection.as_view(), name=trade_urls.ACCOUNTS),
    path("positions", views.PositionList.as_view(), name="api-positions"),
    path("market/minutes", views.MarketMinuteList.as_view(), name="api-market-minutes"),
    path("people", views.UserProfileList.as_view(), name="api-people"),
    path("people/<uuid:key>", views.UserProfileRow.as_view(), name=person_urls.PERSON),
    path("consents", views.ConsentRegisterList.as_view(), name="api-consents"),
    path("consents/<str:key>", views.ConsentRegisterRow.as_view(), name="api-consent"),
]
