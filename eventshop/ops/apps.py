from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations: the console's look and pages, health, content security."""

    name = "eventshop.ops"
    label = "ops"
    verbose_name = "Operations"
