from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Trades, accounts and positions. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"
