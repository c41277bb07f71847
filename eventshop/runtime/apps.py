from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    """Worker processes and their threads."""

    name = "eventshop.runtime"
    label = "runtime"
    verbose_name = "Runtime"
