"""Every projection of the program: importing this module registers them all."""

from projections import (
    activity_of_people,
    activity_timeline,
    consent_register,
    customer_summary,
    daily_sales,
    market_minute,
    order_lines,
    order_summary,
    position,
    product_sales,
    stock_level,
    trade_blotter,
    trading_account,
    user_profile,
)
from projections.engine.projection import catalogue

__all__ = [
    "activity_of_people",
    "activity_timeline",
    "catalogue",
    "consent_register",
    "customer_summary",
    "daily_sales",
    "market_minute",
    "order_lines",
    "order_summary",
    "position",
    "product_sales",
    "stock_level",
    "trade_blotter",
    "trading_account",
    "user_profile",
]
