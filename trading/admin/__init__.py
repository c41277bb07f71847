"""Admin pages of trades and accounts; Django imports this package at start."""

from trading.admin import trades

__all__ = ["trades"]
