"""URLs of the trading pages."""

from django.urls import path

from trading.pages import confirmation_view, trade_views
from trading.venue.report_view import venue_report

app_name = "trading"
urlpatterns = [
    path("trading/ticket/", trade_views.ticket, name="ticket"),
    path("trading/accounts/", trade_views.accounts, name="accounts"),
    path("trading/trades/<uuid:trade_id>/", trade_views.trade, name="trade"),
    path("trading/trades/<uuid:trade_id>/amend/", trade_views.amend, name="amend"),
    path("trading/trades/<uuid:trade_id>/confirmation.pdf", confirmation_view.confirmation, name="confirmation"),
    path("trading/trades/<uuid:trade_id>/cancel/", trade_views.cancel, name="cancel"),
    path("trading/reports", venue_report, name="venue-reports"),
]
