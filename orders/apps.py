from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders and stock. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"
