from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    """The read models. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "projections"
    verbose_name = "Read models"
    default_auto_field = "django.db.models.BigAutoField"
