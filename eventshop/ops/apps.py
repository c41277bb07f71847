from django.apps import AppConfig


class OpsConfig(AppConfig):
    """Operations: the console's look and pages, health, content security."""

    name = "eventshop.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        from eventshop.ops import health, saga_watch

        health.register(saga_watch.sagas)
