from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, their contact details and their consents. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "users"
    default_auto_field = "django.db.models.BigAutoField"
