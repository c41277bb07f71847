"""What can be done to a trade and to an account, each at its own address; the trades stand beside the read models."""

from __future__ import annotations

from django.urls import path

from trading import account_api, api

urlpatterns = [
    path("trades/<uuid:aggregate_id>/events", api.TradeEvents.as_view(), name="api-trade-events"),
    path("trades/<uuid:trade_id>/fills", api.TradeFills.as_view(), name="api-trade-fills"),
    path("trades/<uuid:trade_id>/rejection", api.TradeRejection.as_view(), name="api-trade-rejection"),
    path("trades/<uuid:trade_id>/cancellation", api.TradeCancellation.as_view(), name="api-trade-cancellation"),
    path("trades/<uuid:trade_id>/corrections", api.TradeCorrections.as_view(), name="api-trade-corrections"),
    path("trades/<uuid:trade_id>/busts", api.TradeBusts.as_view(), name="api-trade-busts"),
    path("trades/<uuid:trade_id>/hold", api.TradeHold.as_view(), name="api-trade-hold"),
    path("trades/<uuid:trade_id>/resumption", api.TradeResumption.as_view(), name="api-trade-resumption"),
    path("trades/<uuid:trade_id>/settlement", api.TradeSettlement.as_view(), name="api-trade-settlement"),
    path("accounts/<uuid:account_id>", account_api.Account.as_view(), name="api-account"),
    path("accounts/<uuid:account_id>/limits", account_api.AccountLimits.as_view(), name="api-account-limits"),
]
