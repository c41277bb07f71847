from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Trades, accounts and positions."""

    name = "trading"
