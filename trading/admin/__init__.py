"""Admin pages of trades; Django imports this package at start."""

from trading.admin import trades

__all__ = ["trades"]
