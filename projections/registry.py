"""Every projection of the program: importing this module registers them all."""

from eventshop.projections.projection import catalogue
from projections import (
    activity_timeline,
    consent_register,
    customer_summary,
    daily_sales,
    market_minute,
    order_lines,
    order_summary,
    people_activity,
    position,
    product_sales,
    stock_level,
    trade_blotter,
    trading_account,
    user_profile,
)

__all__ = [
    "activity_timeline",
    "catalogue",
    "consent_register",
    "customer_summary",
    "daily_sales",
    "market_minute",
    "order_lines",
    "order_summary",
    "people_activity",
    "position",
    "product_sales",
    "stock_level",
    "trade_blotter",
    "trading_account",
    "user_profile",
]
