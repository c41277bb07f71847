"""The read models: one table per question. Only the projection engine writes them."""

from __future__ import annotations

from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, Replay, ReplayedRow, UnreadableRecord, Worker
from projections.models.activity import ActivityTimeline
from projections.models.sales import CustomerSummary, DailySales, OrderLine, OrderSummary, ProductSales
from projections.models.stock import StockLevel
from projections.models.trading import MarketMinute, Position, TradeBlotter, TradingAccount
from projections.models.users import ConsentRegister, UserProfile

__all__ = [
    "ActivityTimeline",
    "Checkpoint",
    "ConsentRegister",
    "CustomerSummary",
    "DailySales",
    "DeadLetter",
    "MarketMinute",
    "OrderLine",
    "OrderSummary",
    "Position",
    "ProductSales",
    "Rebuild",
    "Replay",
    "ReplayedRow",
    "StockLevel",
    "TradeBlotter",
    "TradingAccount",
    "UnreadableRecord",
    "UserProfile",
    "Worker",
]
