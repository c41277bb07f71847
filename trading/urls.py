"""Pages of a trader."""

from django.urls import path

from trading import pages

app_name = "trading"
urlpatterns = [
    path("trading/ticket/", pages.ticket, name="ticket"),
    path("trading/accounts/", pages.accounts, name="accounts"),
    path("trading/trades/<uuid:trade_id>/", pages.trade, name="trade"),
    path("trading/trades/<uuid:trade_id>/cancel/", pages.cancel, name="cancel"),
]
