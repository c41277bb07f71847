"""URL paths of the read models' pages."""

from django.urls import path

from projections.pages.blotter_views import blotter
from projections.pages.order_views import my_orders
from projections.pages.statement_views import statement
from projections.pages.trading_views import positions

app_name = "projections"
urlpatterns = [
    path("orders/", my_orders, name="my-orders"),
    path("trading/", blotter, name="blotter"),
    path("trading/accounts/<uuid:account_id>/statement/", statement, name="statement"),
    path("trading/positions/", positions, name="positions"),
]
