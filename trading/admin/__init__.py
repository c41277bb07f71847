"""Admin pages of trades and instruments; Django imports this package at start."""

from trading.admin import instruments, trades

__all__ = ["instruments", "trades"]
