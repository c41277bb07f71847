"""Admin pages of trades and instruments; Django imports this package at start."""

from trading.admin import exchange_rates, fee_schedules, instruments, trades

__all__ = ["exchange_rates", "fee_schedules", "instruments", "trades"]
