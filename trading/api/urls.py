"""URLs of the commands of trades and trading accounts. Their read models are under projections.api."""

from __future__ import annotations

from django.urls import path

from trading.api import accounts, fee_schedules, instruments, trades, url_names

urlpatterns = [
    path("instruments", instruments.Instruments.as_view(), name="api-instruments"),
    path("instruments/<str:venue>/<str:symbol>", instruments.InstrumentRow.as_view(), name="api-instrument"),
    path("fee-schedules", fee_schedules.FeeScheduleList.as_view(), name="api-fee-schedules"),
    path("trades/<uuid:aggregate_id>/events", trades.TradeEvents.as_view(), name="api-trade-events"),
    path("trades/<uuid:trade_id>/fills", trades.TradeFills.as_view(), name="api-trade-fills"),
    path("trades/<uuid:trade_id>/rejection", trades.TradeRejection.as_view(), name="api-trade-rejection"),
    path("trades/<uuid:trade_id>/cancellation", trades.TradeCancellation.as_view(), name="api-trade-cancellation"),
    path("trades/<uuid:trade_id>/amendment", trades.TradeAmendment.as_view(), name="api-trade-amendment"),
    path("trades/<uuid:trade_id>/corrections", trades.TradeCorrections.as_view(), name="api-trade-corrections"),
    path("trades/<uuid:trade_id>/busts", trades.TradeBusts.as_view(), name="api-trade-busts"),
    path("trades/<uuid:trade_id>/review", trades.TradeReview.as_view(), name="api-trade-review"),
    path("trades/<uuid:trade_id>/hold", trades.TradeHold.as_view(), name="api-trade-hold"),
    path("trades/<uuid:trade_id>/resumption", trades.TradeResumption.as_view(), name="api-trade-resumption"),
    path("trades/<uuid:trade_id>/settlement", trades.TradeSettlement.as_view(), name="api-trade-settlement"),
    path("accounts/<uuid:account_id>", accounts.Account.as_view(), name=url_names.ACCOUNT),
    path("accounts/<uuid:account_id>/limits", accounts.AccountLimits.as_view(), name="api-account-limits"),
    path(
        "accounts/<uuid:account_id>/cost-method",
        accounts.AccountCostMethods.as_view(),
        name="api-account-cost-method",
    ),
]
