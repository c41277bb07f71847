"""The read models: one table per question. Only the projection engine writes them."""

from __future__ import annotations

from projections.models.activity import ActivityTimeline
from projections.models.external_ids import ExternalId
from projections.models.sales import CustomerSummary, DailySales, OrderLine, OrderSummary, ProductSales
from projections.models.stock import StockLevel
from projections.models.trading import (
    MarketMinute,
    MarketMinuteTrade,
    Position,
    PositionPage,
    TradeBlotter,
    TradingAccount,
)
from projections.models.users import ConsentRegister, UserProfile

__all__ = [
    "ActivityTimeline",
    "ConsentRegister",
    "CustomerSummary",
    "DailySales",
    "ExternalId",
    "MarketMinute",
    "MarketMinuteTrade",
    "OrderLine",
    "OrderSummary",
    "Position",
    "PositionPage",
    "ProductSales",
    "StockLevel",
    "TradeBlotter",
    "TradingAccount",
    "UserProfile",
]
