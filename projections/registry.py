"""All projections: importing this module registers each of them."""

from eventshop.projections.projection import projection_registry
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
    "consent_register",
    "customer_summary",
    "daily_sales",
    "market_minute",
    "order_lines",
    "order_summary",
    "people_activity",
    "position",
    "product_sales",
    "projection_registry",
    "stock_level",
    "trade_blotter",
    "trading_account",
    "user_profile",
]
